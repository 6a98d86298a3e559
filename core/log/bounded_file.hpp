// A log in a file of this process's own that nobody reads while it grows.
#pragma once

#include <cstdint>

namespace fcvm::log {

/// From now on stderr is such a file, opened to append: it is emptied when it has grown to `most`
/// bytes.
void bound_file(std::uint64_t most);

}  // namespace fcvm::log
