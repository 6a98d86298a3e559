// Ending a VM from outside, through its supervisor; and without it, when it does not answer.
#pragma once

#include <chrono>

#include "core/vm/store/store.hpp"

namespace fcvm::cli {

/// Returns once the VM has exited and its supervisor is done. Succeeds for one that exited already.
[[nodiscard]] Result<void> stop_vm(const vm::Store& store, const vm::Record& record,
                                   std::chrono::milliseconds grace);

/// The same at once, without asking the guest; kills a supervisor that does not do it, which leaves
/// what it made on the host to gc.
[[nodiscard]] Result<void> kill_vm(vm::Store& store, const vm::Record& record);

/// For requests that make sense for a running VM only: the answer, or an error that says so.
[[nodiscard]] Unexpected not_running(const vm::Record& record, const char* what);

}  // namespace fcvm::cli
