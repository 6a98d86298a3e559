// Access to one file for one more group, which leaves what its mode means to everybody else.
#pragma once

#include <sys/types.h>

#include <fcvm/result.hpp>

namespace fcvm::base {

/// By an entry in its POSIX ACL, which stays. `file` may be open for O_PATH. EOPNOTSUPP where the
/// file system has no ACLs.
[[nodiscard]] Result<void> let_group_read(int file, gid_t group);

}  // namespace fcvm::base
