// Which pages of a file a process has mapped, by its page table. Owns nothing.
#pragma once

#include <cstdint>

#include <fcvm/result.hpp>

#include "plugins/memory/common/page_set.hpp"

namespace fcvm::memory {

/// The pages of the file that the process has touched through any mapping of it, changed ones
/// included. A fault maps those round it, too (up to 64 KiB), that are in the page cache. Fails
/// with ESRCH when the process has ended.
[[nodiscard]] Result<PageSet> mapped_pages(int pidfd, int file, std::uint64_t memory_bytes);

}  // namespace fcvm::memory
