// The process that a pidfd is of. Owns nothing.
#pragma once

#include <sys/types.h>

#include <fcvm/result.hpp>

namespace fcvm::memory {

[[nodiscard]] bool has_ended(int pidfd);

/// ESRCH once it has been reaped, or where its number is not to be seen from here.
[[nodiscard]] Result<pid_t> pid_of(int pidfd);

}  // namespace fcvm::memory
