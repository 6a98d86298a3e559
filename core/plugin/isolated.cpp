#include "core/plugin/isolated.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"

namespace fcvm::plugin {
namespace {

[[noreturn]] void run_child(const std::function<void(const Isolated::Send&)>& body, int to,
                            pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);  // it ended before it could be watched
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  body([to](std::string_view message) {
    const auto frame = base::encode_frame(message, Isolated::kLargestMessage);
    if (frame) [[maybe_unused]]
      auto sent = base::write_all(to, *frame);
  });
  // Not exit(): the parent's buffers and the plugins' destructors are none of the child's business.
  ::_exit(0);
}

}  // namespace

Isolated::Isolated(base::Child child, base::Fd from)
    : child_(std::move(child)), from_(std::move(from)), frames_(kLargestMessage) {}

Result<Isolated> Isolated::start(const std::function<void(const Send&)>& body) {
  base::Pipe pipe = FCVM_TRY(base::Pipe::create());
  const pid_t parent = ::getpid();
  // Not clone3: fork(3) leaves malloc usable in the child, whatever other threads were doing.
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("starting a process to look at plugins in");
  if (pid == 0) run_child(body, pipe.write_end.get(), parent);
  base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    auto failure = fail_errno("opening the process that looks at plugins");
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return failure;
  }
  return Isolated(base::Child(pid, std::move(pidfd)), std::move(pipe.read_end));
}

Result<std::string> Isolated::receive(base::Deadline deadline) {
  for (;;) {
    if (auto message = frames_.pop()) return *std::move(message);
    auto ready = base::wait_readable(from_.get(), deadline);
    if (!ready) {
      [[maybe_unused]] auto killed = child_.stop(std::chrono::milliseconds(0));
      return unexpected(std::move(ready).error());
    }
    std::array<char, 16384> buffer{};
    const std::size_t count = FCVM_TRY(base::read_some(from_.get(), buffer));
    if (count == 0) {
      const auto status = FCVM_TRY(child_.wait(deadline));
      return fail(EPIPE, status.signal() ? "it crashed: the process " + status.describe()
                                         : "it ended the process: it " + status.describe());
    }
    FCVM_TRY(frames_.append({buffer.data(), count}));
  }
}

}  // namespace fcvm::plugin
