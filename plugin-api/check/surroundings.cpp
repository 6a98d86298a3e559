// See surroundings.hpp.
#include "plugin-api/check/surroundings.hpp"

#include <clocale>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin-api/check/case.hpp"

namespace fcvm::check {
namespace {

std::size_t entries(const char* directory) {
  std::error_code ignored;
  std::size_t count = 0;
  for (auto at = std::filesystem::directory_iterator(directory, ignored);
       at != std::filesystem::directory_iterator(); at.increment(ignored)) {
    ++count;
  }
  return count;
}

std::string names_below_here() {
  std::string all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(".", ignored)) {
    all += entry.path().string() + '\n';
  }
  return all;
}

std::string state_of_process() {
  std::ostringstream all;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  std::error_code ignored;
  all << "umask " << mask << '\n';
  all << "working directory " << std::filesystem::current_path(ignored).string() << '\n';
  all << "locale " << std::setlocale(LC_ALL, nullptr) << '\n';
  int death = 0;
  ::prctl(PR_GET_PDEATHSIG, &death);
  all << "parent-death signal " << death << '\n';
  all << "priority " << ::getpriority(PRIO_PROCESS, 0) << '\n';
  for (int number = 1; number < SIGRTMIN; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0) continue;
    all << "handler of signal " << number << ' ' << reinterpret_cast<const void*>(action.sa_handler)
        << '\n';
  }
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (int number = 1; number < SIGRTMIN; ++number) {
    if (sigismember(&blocked, number) == 1) all << "blocked signal " << number << '\n';
  }
  for (const auto resource : {RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_AS}) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    all << "resource limit " << resource << ' ' << limit.rlim_cur << '\n';
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    all << "variable " << *variable << '\n';
  }
  return all.str();
}

/// The first line of one that the other does not have.
std::string difference(const std::string& before, const std::string& now) {
  std::istringstream lines(now);
  for (std::string line; std::getline(lines, line);) {
    if (("\n" + before).find("\n" + line + "\n") == std::string::npos) return line;
  }
  return before == now ? "" : "something is gone";
}

std::string more(std::size_t was, std::size_t is, const char* what) {
  return " left " + std::to_string(is - was) + " more " + what + " than before";
}

}  // namespace

Surroundings::Surroundings()
    : fds(entries("/proc/self/fd")),
      threads(entries("/proc/self/task")),
      children([] {
        siginfo_t info{};
        return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
      }()),
      directory(names_below_here()),
      process(state_of_process()) {}

Result<void> unchanged(const Surroundings& before, const std::string& where) {
  Surroundings now;
  for (int wait = 0; wait < 20 && now.threads > before.threads; ++wait) {
    ::usleep(5000);
    now = Surroundings();
  }
  if (now.fds > before.fds) {
    return broken(where + more(before.fds, now.fds, "file descriptors"), "own them with fcvm::Fd");
  }
  if (now.fds < before.fds) {
    return broken(where + " closed a file descriptor that was not its own",
                  "close what the plugin opened, once");
  }
  if (now.threads > before.threads) {
    return broken(where + more(before.threads, now.threads, "threads"), "join them in destroy");
  }
  if (now.children && !before.children) {
    return broken(where + " left a child process", "start programs through process/1 only");
  }
  return unchanged_process(before, where);
}

Result<void> unchanged_process(const Surroundings& before, const std::string& where) {
  const std::string now = state_of_process();
  if (now == before.process) return {};
  return broken(where + " changed the process: " + difference(before.process, now),
                "leave the process as it is: it runs somebody's VM");
}

}  // namespace fcvm::check
