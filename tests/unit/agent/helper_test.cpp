// fc-enter as the container would see it: held at its request, when it is what it will be until it
// becomes the command.
#include "agent/process/helper.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/socket_pair.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::agent {
namespace {

namespace fs = std::filesystem;

/// A helper that waits for its request.
struct Waiting {
  explicit Waiting(std::vector<std::string> command = {"/bin/true"}) {
    ProcessOptions options;
    options.command = std::move(command);
    options.environment = {"ONLY=this"};
    link = *base::SocketPair::create(SOCK_SEQPACKET);
    const ChildStreams streams{*base::open_file("/dev/null", O_RDWR),
                               *base::open_file("/dev/null", O_RDWR),
                               *base::open_file("/dev/null", O_RDWR)};
    pid = *start_helper(options, {}, streams, link.second);
    link.second = base::Fd();
    // Until it sleeps in its read: what it does before that is over then.
    for (int i = 0; i < 2000 && !sleeps(); ++i) ::usleep(1000);
    REQUIRE(sleeps());
  }
  ~Waiting() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  [[nodiscard]] std::string proc(const std::string& name) const {
    return "/proc/" + std::to_string(pid) + "/" + name;
  }
  [[nodiscard]] bool sleeps() const {
    const auto status = base::read_file(proc("status")).value_or("");
    return status.find("State:\tS") != std::string::npos;
  }

  base::SocketPair link;
  pid_t pid = -1;
};

/// A secret of this process's heap, which a copy of it would have, too.
std::string secret() {
  std::string text = "never-in-the-";
  return text + "helper-" + std::to_string(::getpid());
}

std::string memory_of(const Waiting& helper) {
  const auto maps = base::read_file(helper.proc("maps"));
  const auto memory = base::open_file(helper.proc("mem"), O_RDONLY);
  REQUIRE(maps);
  REQUIRE(memory);
  std::string all;
  for (std::size_t at = 0; at < maps->size(); at = maps->find('\n', at) + 1) {
    unsigned long from = 0;
    unsigned long to = 0;
    char mode = ' ';
    if (std::sscanf(maps->c_str() + at, "%lx-%lx %c", &from, &to, &mode) != 3) break;
    if (mode != 'r') continue;
    std::string part(to - from, '\0');
    const ssize_t got = ::pread(memory->get(), part.data(), part.size(), static_cast<off_t>(from));
    if (got > 0) all.append(part, 0, static_cast<std::size_t>(got));
  }
  return all;
}

// In a process of its own, since it becomes a user who cannot come back.
int as_same_user(uid_t user, pid_t target) {
  const pid_t child = ::fork();
  if (child != 0) {
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  if (user != 0 && ::setresuid(user, user, user) != 0) ::_exit(100);
  const std::string proc = "/proc/" + std::to_string(target);
  int reached = 0;
  if (::open((proc + "/mem").c_str(), O_RDONLY) >= 0) reached |= 1;
  if (::open((proc + "/environ").c_str(), O_RDONLY) >= 0) reached |= 2;
  if (::open((proc + "/fd/3").c_str(), O_RDONLY) >= 0 || errno != EACCES) reached |= 4;
  if (::ptrace(PTRACE_SEIZE, target, nullptr, nullptr) == 0) reached |= 8;
  ::_exit(reached);
}

TEST_CASE("the helper has no descriptor but its own") {
  FCVM_SKIP_IF(::geteuid() != 0, "looks at it, as root alone may");
  const base::Fd bystander(::open("/etc/passwd", O_RDONLY));  // and not close-on-exec
  const Waiting helper;
  std::vector<std::string> open;
  for (const auto& entry : fs::directory_iterator(helper.proc("fd"))) {
    open.push_back(entry.path().filename());
  }
  std::sort(open.begin(), open.end());
  CHECK(open == std::vector<std::string>{"0", "1", "2", "3"});
}

TEST_CASE("the helper has no memory of the agent's, nor its environment") {
  FCVM_SKIP_IF(::geteuid() != 0, "looks at it, as root alone may");
  ::setenv("FCVM_TEST_SECRET", secret().c_str(), 1);
  const std::string on_the_heap = secret();
  const Waiting helper;
  const std::string memory = memory_of(helper);
  CHECK(memory.size() > 4096);
  CHECK(memory.find(on_the_heap) == std::string::npos);
  CHECK(*base::read_file(helper.proc("environ")) == std::string("ONLY=this\0", 10));
  ::unsetenv("FCVM_TEST_SECRET");
}

TEST_CASE("nobody of the same user may trace the helper or look into it") {
  const uid_t user = ::geteuid() == 0 ? 65534 : ::geteuid();
  // Root may trace whatever it likes; so both of them are somebody else then.
  const pid_t holder = ::fork();
  if (holder == 0) {
    if (::geteuid() == 0 && ::setresuid(user, user, user) != 0) ::_exit(101);
    // A change of user has taken that away from this process, too.
    ::prctl(PR_SET_DUMPABLE, 1);
    const Waiting helper;
    ::_exit(as_same_user(0, helper.pid));
  }
  int status = -1;
  ::waitpid(holder, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("the helper's file can be written by nobody") {
  const Waiting helper;
  CHECK(::open(helper.proc("exe").c_str(), O_RDWR) < 0);
  const int program = *helper_program();
  CHECK(::fcntl(program, F_GET_SEALS) ==
        (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
  CHECK(::pwrite(program, "x", 1, 0) < 0);
  CHECK(::ftruncate(program, 0) != 0);
}

TEST_CASE("a helper whose agent has gone ends") {
  Waiting helper;
  helper.link.first = base::Fd();
  int status = -1;
  REQUIRE(::waitpid(helper.pid, &status, 0) == helper.pid);
  CHECK(WIFEXITED(status));
}

}  // namespace
}  // namespace fcvm::agent
