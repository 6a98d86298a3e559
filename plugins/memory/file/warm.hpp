// Bringing pages of a file into the page cache. Owns nothing.
#pragma once

#include <cstdint>
#include <functional>

#include <fcvm/result.hpp>

#include "plugins/memory/common/page_set.hpp"

namespace fcvm::memory {

/// Returns once they are there. `check` is asked between pieces, and ends it with an error. All of
/// the pages lie in the file, whose pages have the size of the host's.
[[nodiscard]] Result<void> warm(int file, const PageSet& pages, std::uint64_t page_bytes,
                                const std::function<Result<void>()>& check);

}  // namespace fcvm::memory
