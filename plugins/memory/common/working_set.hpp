// A working set on disk: a header, and a bit for each page, so that its size says whether it is
// whole, and any contents name pages that the memory has. Owns nothing.
#pragma once

#include <cstdint>

#include <fcvm/result.hpp>

#include "plugins/memory/common/page_set.hpp"

namespace fcvm::memory {

/// Of a memory of this size and with pages of this size; else EINVAL.
[[nodiscard]] Result<PageSet> read_working_set(int directory, const char* path,
                                               std::uint64_t memory_bytes,
                                               std::uint64_t page_bytes);

/// To a new file. -EEXIST when there is one; a failure leaves none.
[[nodiscard]] Result<void> write_working_set(int directory, const char* path, const PageSet& pages,
                                             std::uint64_t page_bytes);

}  // namespace fcvm::memory
