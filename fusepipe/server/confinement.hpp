// What a server may do once it has opened its directory: serve files of it, and nothing else.
#pragma once

#include <fcvm/result.hpp>

#include "fusepipe/server/directory.hpp"

namespace fcvm::fusepipe {

/// For this process, before it has other threads and before the first byte comes. Where the kernel
/// has no Landlock, the rest must do: an operation never uses more than one name of the peer's.
Result<void> confine(const Directory& directory);

}  // namespace fcvm::fusepipe
