// VmProcess: owns the process of a VM, and knows how it ended.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <utility>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>
#include <fcvm/vmm.h>

namespace fcvm::vmm {

class VmProcess {
 public:
  /// `vmm` is the program's name in messages.
  explicit VmProcess(const char* vmm) : vmm_(vmm) {}
  VmProcess(const VmProcess&) = delete;
  VmProcess& operator=(const VmProcess&) = delete;

  /// Empty, it kills the one that was there.
  void set(Process process) { process_ = std::move(process); }
  [[nodiscard]] int pidfd() const { return process_.pidfd(); }
  [[nodiscard]] fcvm_process_status status() const { return process_.status(); }
  [[nodiscard]] bool running() const { return status().running != 0; }
  [[nodiscard]] bool ended() const { return process_ && !running(); }

  /// At once; waits until it is reaped. Nothing for one that has ended.
  Result<void> kill(const Call& call);
  /// Who ended it by force, or "".
  [[nodiscard]] std::string killer() const;
  /// Once it has ended. `find` says why, and is asked once.
  template <typename Find>
  std::string end_reason(Find find) {
    const std::lock_guard lock(mutex_);
    if (end_reason_.empty()) end_reason_ = find();
    return end_reason_;
  }
  /// What of a VM's status the process tells; the reason of its end once it was asked for.
  [[nodiscard]] fcvm_vm_status vm_status(bool paused);

 private:
  const char* const vmm_;
  Process process_;
  std::atomic<bool> killed_{false};
  std::mutex mutex_;
  std::string end_reason_;
};

}  // namespace fcvm::vmm
