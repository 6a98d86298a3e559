// VmmJail: where one VM's VMM runs, as [jail] says. Owns the VM's user on the host and its jailer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/vmm.h>

#include "core/config/config.hpp"
#include "core/plugin/jailer.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/vm/host/uid_lease.hpp"
#include "core/vm/model/paths.hpp"

namespace fcvm::vm {

class VmmJail {
 public:
  /// As root each VM has a user of its own, for as long as this object lives.
  [[nodiscard]] static Result<VmmJail> make(const config::Config& config, const Paths& paths,
                                            const std::string& vm_id,
                                            plugin::ProcessKeeper& processes);
  VmmJail() = default;

  /// process/1 for the VMM's plugin.
  [[nodiscard]] plugin::ProcessService* processes() const { return processes_; }
  /// The files of the VM's specification, and of what it is restored from, or null; before the VMM
  /// is started.
  Result<void> admit(const fcvm_vm_spec& spec, const fcvm_vm_restore* from);

 private:
  plugin::ProcessService* processes_ = nullptr;
  std::optional<UidLease> uid_;
  std::unique_ptr<plugin::Jailer> jailer_;  // none: the VMM runs without
};

}  // namespace fcvm::vm
