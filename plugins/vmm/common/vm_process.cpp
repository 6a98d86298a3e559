// See vm_process.hpp.
#include "plugins/vmm/common/vm_process.hpp"

#include <csignal>

#include <fcvm/sdk/sized.hpp>

namespace fcvm::vmm {

Result<void> VmProcess::kill(const Call& call) {
  if (!running()) return {};
  killed_ = true;
  auto signalled = process_.signal(SIGKILL);
  if (!signalled && signalled.error().code() != ESRCH) return signalled;
  FCVM_TRY(process_.wait(call) |
           context(std::string("killing ") + vmm_ + ": the kernel still holds it"));
  return {};
}

std::string VmProcess::killer() const {
  if (killed_) return "killed by fcvm";
  const auto signal = status().exit_signal;
  return signal == 0 ? "" : "killed by signal " + std::to_string(signal);
}

fcvm_vm_status VmProcess::vm_status(bool paused) {
  const auto process = status();
  auto status = sized<fcvm_vm_status>();
  const bool running = process.running != 0;
  status.state = !running ? FCVM_VM_ENDED : paused ? FCVM_VM_PAUSED : FCVM_VM_RUNNING;
  status.pid = process.pid;
  status.pidfd = pidfd();
  status.exit_code = process.exit_code;
  status.exit_signal = process.exit_signal;
  if (!running) {
    const std::lock_guard lock(mutex_);
    put_text(status.end_reason, end_reason_);
  }
  return status;
}

}  // namespace fcvm::vmm
