// What one process uses, read from /proc.
#pragma once

#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/vm/control/messages.hpp"

namespace fcvm::vm {

/// `tap`: the guest's NIC, in the network namespace of the process; empty when it has none.
[[nodiscard]] Result<LiveStats> process_stats(pid_t pid, const std::string& tap);

}  // namespace fcvm::vm
