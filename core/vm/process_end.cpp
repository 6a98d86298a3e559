// Ending processes that are not our children: the last functions of gc.hpp.
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/poll.hpp"
#include "core/vm/gc.hpp"

namespace fcvm::vm {

// The pid is opened first and its start time compared after: if it is still that process now, then
// it also was when the handle was made.
Result<Fd> open_process(const base::ProcessId& process) {
  const auto gone = [&] {
    return fail(ESRCH, "process " + std::to_string(process.pid) + ": No such process");
  };
  if (process.pid <= 0 || process.is_of_another_boot()) return gone();
  if (process.is_foreign()) {
    return fail(EXDEV,
                "process " + std::to_string(process.pid) + " belongs to another pid namespace",
                "run fcvm where the VM was started: in that container, or outside of this one");
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd) return fail_errno("opening process " + std::to_string(process.pid));
  const auto now = base::identify(process.pid);
  if (!now && now.error().code() != ESRCH) return unexpected(now.error());
  if (!now || now->start_time != process.start_time) return gone();
  return pidfd;
}

Result<void> signal_process(const base::ProcessId& process, int number) {
  const Fd pidfd = FCVM_TRY(open_process(process));
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0) != 0) {
    return fail_errno("signalling process " + std::to_string(process.pid));
  }
  return {};
}

Result<void> wait_for_end(const base::ProcessId& process, base::Deadline deadline) {
  const auto pidfd = open_process(process);
  if (!pidfd && pidfd.error().code() == ESRCH) return {};
  if (!pidfd) return unexpected(pidfd.error());
  return base::wait_readable(pidfd->get(), deadline) |
         context("waiting for process " + std::to_string(process.pid));
}

}  // namespace fcvm::vm
