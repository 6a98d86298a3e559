// See run_attached.hpp.
#include "core/cli/session/run_attached.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/cli/verb.hpp"

namespace fcvm::cli {
namespace {

constexpr std::size_t kLargestFrame = wire::kMaxExecData + 64;

/// Leaves the terminal; stderr stays, for what the supervisor has to say while somebody is there.
[[noreturn]] void be_supervisor(Fd attached,
                                const std::function<Result<int>(Fd attached)>& supervise) {
  ::setsid();
  const auto null = base::open_file("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO}) {
    if (null) ::dup2(null->get(), standard);
  }
  const auto ended = supervise(std::move(attached));
  ::_exit(ended ? *ended : kExitFailure);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Result<int> run_attached(SessionOptions options,
                         const std::function<Result<int>(Fd attached)>& supervise) {
  base::SocketPair ends = FCVM_TRY(base::SocketPair::create());
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("starting the supervisor");
  if (child == 0) {
    ends.first.reset();
    be_supervisor(std::move(ends.second), supervise);
  }
  ends.second.reset();
  const auto end = [&]() -> Result<SessionEnd> {
    // Its end is what tells the supervisor that we are gone.
    Session session(vm::FrameLink(std::move(ends.first), wire::FrameBuffer(kLargestFrame)),
                    std::move(options));
    return session.run();
  }();
  if (end && end->detached) return 0;
  // Nothing is left on the host once this returns.
  const int status = wait_for(child);
  if (!end) return unexpected(end.error());
  if (end->error && end->error->code() == ECONNRESET && WIFSIGNALED(status)) {
    return fail(ECONNRESET,
                fmt::format("the VM's supervisor was killed by signal {}", WTERMSIG(status)),
                "fcvm gc cleans up after it");
  }
  // It has said on stderr why it ended without a farewell.
  if (end->error && end->error->code() == ECONNRESET && WIFEXITED(status)) {
    return WEXITSTATUS(status);
  }
  return conclude(*end);
}

}  // namespace fcvm::cli
