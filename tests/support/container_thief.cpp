// An attacker inside a container, as its first process: static, so that any image has what it
// needs.
//
//   container_thief      looks at every new process: lists its descriptors, opens its memory,
//   traces
//                        it. Says what it found that no command of the container has, and every so
//                        often how many processes it saw. SIGUSR1: from now on it stops each new
//                        process instead. SIGTERM: ends.
//
// The pids of a pid namespace come one after the other, so it need not look for them: it tries the
// next ones, over and over, and is there before the process has done anything.
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <set>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// What the test looks for in memory: it is in the agent's, and in no command's of the container.
constexpr char kSecret[] = "FCVM_SECRET_OF_THE_GUEST";
constexpr int kAhead = 4;
constexpr int kMostFindings = 40;

volatile std::sig_atomic_t stops_others = 0;
std::set<std::string> findings;

void found(const std::string& what) {
  if (findings.size() >= kMostFindings || !findings.insert(what).second) return;
  std::printf("FOUND %s\n", what.c_str());
  std::fflush(stdout);
}

std::string link_of(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  return size < 0 ? "" : std::string(target, static_cast<std::size_t>(size));
}

bool is_of_a_command(const std::string& target) {
  return target.empty() || target.starts_with("pipe:") || target.starts_with("/dev/null") ||
         target.starts_with("/dev/pts/");
}

void look_at_descriptors(const std::string& proc) {
  DIR* directory = ::opendir((proc + "/fd").c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string number = entry->d_name;
    if (number[0] == '.') continue;
    const std::string target = link_of(proc + "/fd/" + number);
    if (!is_of_a_command(target)) found("descriptor " + number + " -> " + target);
  }
  ::closedir(directory);
}

// What can be read of a memory that was opened stays what it was at that moment, over an exec too.
void look_at_memory(const std::string& proc) {
  const std::string program = link_of(proc + "/exe");
  const int memory = ::open((proc + "/mem").c_str(), O_RDONLY);
  std::FILE* maps = memory < 0 ? nullptr : std::fopen((proc + "/maps").c_str(), "re");
  if (maps == nullptr) {
    ::close(memory);
    return;
  }
  if (program.find("memfd:") != std::string::npos || program.find("/init") == 0) {
    found("memory of " + program);
  }
  char line[512];
  static char bytes[1 << 20];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line, "%lx-%lx rw", &from, &to) != 2) continue;
    for (; from < to; from += sizeof bytes) {
      const std::size_t most = to - from < sizeof bytes ? to - from : sizeof bytes;
      const ssize_t got = ::pread(memory, bytes, most, static_cast<off_t>(from));
      if (got > 0 && ::memmem(bytes, static_cast<std::size_t>(got), kSecret, sizeof kSecret - 1)) {
        found("the guest's secret, in the memory of " + program);
      }
    }
  }
  std::fclose(maps);
  ::close(memory);
}

void trace(pid_t pid, const std::string& proc) {
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return;
  const std::string program = link_of(proc + "/exe");
  ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
  int status = 0;
  const bool stopped = ::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
  const std::string then = link_of(proc + "/exe");
  for (const auto& name : {program, then}) {
    if (name.find("memfd:") != std::string::npos || name.find("/init") == 0) {
      found("it can trace " + name);
    }
  }
  if (stopped) ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
}

void look_at(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  // Again and again while it lives: what it is changes quickly.
  for (int i = 0; i < 200 && ::kill(pid, 0) == 0; ++i) {
    look_at_descriptors(proc);
    look_at_memory(proc);
    if (i % 4 == 0) trace(pid, proc);
  }
}

}  // namespace

int main() {
  ::signal(SIGUSR1, [](int) { stops_others = 1; });
  ::signal(SIGTERM, [](int) { ::_exit(0); });
  std::printf("begun\n");
  std::fflush(stdout);
  const pid_t own = ::getpid();
  int seen = 0;
  for (pid_t next = own + 1;;) {
    for (pid_t pid = next; pid < next + kAhead; ++pid) {
      if (::kill(pid, stops_others != 0 ? SIGSTOP : 0) != 0 && errno == ESRCH) continue;
      if (stops_others == 0) look_at(pid);
      next = pid + 1;
      if (++seen % 10 == 0) std::printf("saw %d\n", seen);
      std::fflush(stdout);
    }
  }
}
