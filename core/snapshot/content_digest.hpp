// The digest of a sparse file's contents: the SHA-256 of its length and of each 64 KiB that is not
// all zeros, with its number. So it does not depend on where a file system has holes, and holes
// cost no time.
#pragma once

#include <string>

#include <fcvm/result.hpp>

namespace fcvm::snapshot {

[[nodiscard]] Result<std::string> content_digest(int file);

}  // namespace fcvm::snapshot
