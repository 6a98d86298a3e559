// Asking the kernel to read. Owns nothing.
#pragma once

#include <cstdint>

namespace fcvm::memory {

/// Waits for no data; what is in the page cache is not read again.
void read_ahead(int file, std::uint64_t offset, std::uint64_t length);

}  // namespace fcvm::memory
