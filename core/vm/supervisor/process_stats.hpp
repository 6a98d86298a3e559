// What one process uses, read from /proc.
#pragma once

#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/vm/control/control_protocol.hpp"

namespace fcvm::vm {

[[nodiscard]] Result<LiveStats> process_stats(pid_t pid);

}  // namespace fcvm::vm
