// How much of a disk files take.
#pragma once

#include <cstdint>
#include <filesystem>

namespace fcvm::base {

/// Of a file, or of all in a directory: blocks, so that holes count nothing. What cannot be looked
/// at counts nothing either.
[[nodiscard]] std::uint64_t bytes_on_disk(const std::filesystem::path& path);

}  // namespace fcvm::base
