// Waiting for one descriptor, with a deadline. Owns nothing.
#pragma once

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"

namespace fcvm::base {

/// Succeeds when a read would not block, which includes the end of the file and a hang-up; fails
/// with ETIMEDOUT when the deadline comes first.
Result<void> wait_readable(int fd, Deadline deadline);
Result<void> wait_writable(int fd, Deadline deadline);

}  // namespace fcvm::base
