// See map_process.hpp.
#include "agent/maps/map_process.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/process/task.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/socket_pair.hpp"
#include "fusepipe/relay/fuse_mount.hpp"
#include "fusepipe/relay/relay.hpp"
#include "fusepipe/stream/given_stream.hpp"

namespace fcvm::agent {
namespace {

constexpr int kControl = 3;
constexpr int kFailure = 4;
constexpr long kMostQueues = 4;
/// A guest that is emulated on a busy host may take as long.
constexpr std::chrono::seconds kStreamLimit{60};

Result<base::Fd> dial() {
  FCVM_TRY(fusepipe::ask_for_stream(kControl));
  FCVM_TRY(base::wait_readable(kControl, base::Deadline::in(kStreamLimit)));
  return fusepipe::take_given_stream(kControl);
}

struct Mounted {
  fusepipe::FuseMount mount;
  std::unique_ptr<fusepipe::Relay> relay;
};

Result<Mounted> mount_map(const std::string& mountpoint, bool read_only) {
  FCVM_TRY(base::make_directories(mountpoint));
  base::Fd device = FCVM_TRY(fusepipe::open_fuse_device());
  auto mount = FCVM_TRY(fusepipe::FuseMount::create(mountpoint, device, {.read_only = read_only}));
  fusepipe::RelayOptions options;
  options.queues =
      static_cast<unsigned>(std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, kMostQueues));
  options.persistent = true;
  auto relay = FCVM_TRY(fusepipe::Relay::start(std::move(device), dial, options));
  return Mounted{std::move(mount), std::move(relay)};
}

/// Until the mount has gone.
int run_map(const std::string& mountpoint, bool read_only) {
  const auto mounted = mount_map(mountpoint, read_only);
  if (!mounted) {
    (void)base::write_all(kFailure, mounted.error().message());
    return 1;
  }
  ::close(kFailure);
  pollfd ended{mounted->relay->ended_fd(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  return 0;
}

}  // namespace

Result<MapProcess> start_map_process(const std::string& mountpoint, bool read_only) {
  auto control = FCVM_TRY(base::SocketPair::create());
  auto failure = FCVM_TRY(base::Pipe::create());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("forking for " + mountpoint);
  if (pid == 0) {
    reset_signals();
    ::signal(SIGPIPE, SIG_IGN);
    ::setsid();
    // By way of numbers that neither of them has.
    const int far_control = ::fcntl(control.second.get(), F_DUPFD, 16);
    const int far_failure = ::fcntl(failure.write_end.get(), F_DUPFD, 16);
    ::dup2(far_control, kControl);
    ::dup2(far_failure, kFailure);
    ::syscall(SYS_close_range, 5U, ~0U, 0U);
    ::_exit(run_map(mountpoint, read_only));
  }
  return MapProcess{pid, std::move(control.first), std::move(failure.read_end)};
}

}  // namespace fcvm::agent
