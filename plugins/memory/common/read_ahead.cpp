// See read_ahead.hpp.
#include "plugins/memory/common/read_ahead.hpp"

#include <algorithm>
#include <fcntl.h>

namespace fcvm::memory {

namespace {

/// The kernel cuts an advice to its read-ahead window, of 128 KiB by default.
constexpr std::uint64_t kAdvice = 128 << 10;

}  // namespace

void read_ahead(int file, std::uint64_t offset, std::uint64_t length) {
  for (const std::uint64_t end = offset + length; offset < end; offset += kAdvice) {
    ::posix_fadvise(file, static_cast<off_t>(offset),
                    static_cast<off_t>(std::min(kAdvice, end - offset)), POSIX_FADV_WILLNEED);
  }
}

}  // namespace fcvm::memory
