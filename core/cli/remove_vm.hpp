// RemoveVm: takes VMs away, with their disks and logs: what rm and run --replace do.
#pragma once

#include <mutex>

#include "core/cli/invocation.hpp"
#include "core/vm/store/gc.hpp"

namespace fcvm::cli {

class RemoveVm {
 public:
  struct Rules {
    bool force = false;    // one that runs is ended first
    bool abandon = false;  // what a plugin cannot undo stays on the host
  };
  /// `invocation` and `store` must outlive it.
  RemoveVm(Invocation& invocation, vm::Store& store, Rules rules);

  /// From several threads at once. EBUSY for one that runs.
  Result<void> operator()(const vm::Record& record);

 private:
  Result<void> remove_dead(const vm::Record& record) const;

  vm::Store& store_;
  const Rules rules_;
  vm::RecoverPlugin recover_;
  std::mutex one_at_a_time_;  // plugins are loaded once, and know nothing of our threads
};

}  // namespace fcvm::cli
