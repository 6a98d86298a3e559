// What one process uses, read from /proc.
#pragma once

#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/vm/control/messages.hpp"

namespace fcvm::vm {

[[nodiscard]] Result<LiveStats> process_stats(pid_t pid);

}  // namespace fcvm::vm
