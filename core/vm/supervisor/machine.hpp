// Machine: a vmm plugin's instance as C++ calls, with the states in which each may be made.
#pragma once

#include <memory>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/plugin/instance.hpp"

namespace fcvm::vm {

class Machine {
 public:
  explicit Machine(std::unique_ptr<plugin::Instance<fcvm_vmm_v1>> instance)
      : instance_(std::move(instance)) {}

  Result<void> start(const fcvm_vm_spec& spec, base::Deadline deadline);
  /// The VM is paused then, which its specification has to say.
  Result<void> restore(const fcvm_vm_spec& spec, const fcvm_vm_restore& from,
                       base::Deadline deadline);
  Result<void> pause(base::Deadline deadline);
  Result<void> resume(base::Deadline deadline);
  Result<void> snapshot(const fcvm_vm_snapshot& files, base::Deadline deadline);
  /// ENOTSUP where the plugin has none. EAGAIN until the guest has taken the device.
  Result<void> set_balloon(std::uint64_t bytes, base::Deadline deadline);
  [[nodiscard]] Result<fcvm_vm_balloon> balloon(base::Deadline deadline);
  /// From any thread.
  [[nodiscard]] Result<Fd> connect(std::uint32_t port, base::Deadline deadline);
  [[nodiscard]] Result<fcvm_vm_status> status();
  /// Also of a VM that has ended: status() says why from then on.
  Result<void> kill(base::Deadline deadline);
  void cancel() { instance_->cancel(); }

 private:
  [[nodiscard]] Unexpected no_balloon() const;

  std::unique_ptr<plugin::Instance<fcvm_vmm_v1>> instance_;
};

}  // namespace fcvm::vm
