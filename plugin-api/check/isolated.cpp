// Owns the child of a case: its process group, its directory, its pipes.
#include "plugin-api/check/isolated.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcvm/sdk/fd.hpp>

namespace fcvm::check {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A directory that goes away with everything a plugin put there.
class Scratch {
 public:
  Scratch() {
    std::error_code ignored;
    path_ = (std::filesystem::temp_directory_path(ignored) / "fcvm-plugin-check.XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Channels {
  Fd answer{::memfd_create("answer", MFD_CLOEXEC)};
  Fd printed{::memfd_create("printed", MFD_CLOEXEC)};
};

std::string read_back(const Fd& file, std::size_t limit) {
  std::string text(limit, '\0');
  const auto got = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

/// The answer: the status, what was wrong and what to do, each ended by a NUL.
void send_answer(const Fd& file, const Result<void>& result) {
  std::string text = "0";
  text += '\0';
  if (!result) {
    text[0] = static_cast<char>('0' + result.error().code());
    text += result.error().message() + '\0' + result.error().remedy();
  }
  [[maybe_unused]] const auto written = ::write(file.get(), text.data(), text.size());
}

Outcome parse_answer(const std::string& text) {
  Outcome outcome;
  const auto status = static_cast<Status>(text.front() - '0');
  // Any other code is the checker's own failure: an errno that found its way here.
  outcome.status = status <= Status::kWarning ? status : Status::kFailed;
  const auto end = text.find('\0', 2);
  outcome.what = text.size() > 2 ? text.substr(2, end - 2) : "";
  outcome.remedy = end == std::string::npos ? "" : text.substr(end + 1);
  return outcome;
}

/// In the child. Never returns: nothing of the parent may run a second time.
[[noreturn]] void run_child(const Case& rule, const Target& target, const Channels& channels,
                            const Scratch& scratch) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(channels.printed.get(), STDOUT_FILENO);
  ::dup2(channels.printed.get(), STDERR_FILENO);
  if (!scratch.path().empty() && ::chdir(scratch.path().c_str()) != 0) ::_exit(124);
  const auto result = rule.run(target);
  std::fflush(nullptr);  // what the plugin printed through stdio
  send_answer(channels.answer, result);
  ::_exit(0);
}

/// Whether it ended in time; ends whatever is left of its process group.
bool await(int pid, milliseconds timeout, int& status) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd fd{pidfd.get(), POLLIN, 0};
  const auto end = steady_clock::now() + timeout;
  int ready = 0;
  do {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now()).count();
    ready = ::poll(&fd, 1, left > 0 ? static_cast<int>(left) : 0);
  } while (ready < 0 && errno == EINTR);
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, &status, 0);
  return ready > 0;
}

std::string first_line(const std::string& printed) {
  const auto start = printed.find_first_not_of("\n= ");
  if (start == std::string::npos) return {};
  return "; it printed: " + printed.substr(start, printed.find('\n', start) - start);
}

Outcome crashed(const char* rule, int status, const std::string& printed) {
  const std::string how =
      WIFSIGNALED(status)
          ? "it was ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                ::strsignal(WTERMSIG(status)) + ")"
          : "it ended its process with exit status " + std::to_string(WEXITSTATUS(status));
  return {Status::kCrashed, how + first_line(printed),
          "run it in a debugger: gdb -ex 'set follow-fork-mode child' --args fcvm-plugin-check "
          "--case " +
              std::string(rule)};
}

}  // namespace

Isolated run_isolated(const Case& rule, const Target& target, milliseconds timeout) {
  const Scratch scratch;
  const Channels channels;
  const auto start = steady_clock::now();
  Isolated run;
  std::fflush(nullptr);  // or the child would print again what waits in our buffers
  const int pid = ::fork();
  if (pid < 0) {
    run.outcome = {Status::kFailed, std::string("fork: ") + std::strerror(errno), ""};
    return run;
  }
  if (pid == 0) run_child(rule, target, channels, scratch);
  int status = 0;
  const bool in_time = await(pid, timeout, status);
  run.took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  const auto answer = read_back(channels.answer, 8192);
  const auto printed = read_back(channels.printed, 4096);
  if (!in_time) {
    run.outcome = {Status::kFailed,
                   "it had not ended after " + std::to_string(timeout.count()) + " ms",
                   "find what it waits for; a verb waits no longer than its deadline"};
  } else if (answer.empty() || !WIFEXITED(status)) {
    run.outcome = crashed(rule.name, status, printed);
  } else {
    run.outcome = parse_answer(answer);
    run.printed = printed;
  }
  return run;
}

}  // namespace fcvm::check
