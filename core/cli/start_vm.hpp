// Starting a VM that is there and does not run: one that has ended, or that was only created.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"

namespace fcvm::cli {

/// On the disks that it has left, in the background; `typed` is printed once its container runs.
[[nodiscard]] Result<void> start_vm(Invocation& invocation, const vm::Record& record,
                                    const std::string& typed);

/// The same in the foreground, with this process's terminal; the container's exit code.
[[nodiscard]] Result<int> start_vm_attached(Invocation& invocation, const vm::Record& record);

}  // namespace fcvm::cli
