// Reads a configuration file whole, with the limits that keep a hostile one harmless.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <fcvm/result.hpp>

namespace fcvm::config {

inline constexpr std::size_t kLargestFile = 1024 * 1024;

/// Error codes a caller tells apart: ENOENT and ENOTDIR when there is no such file.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path);

}  // namespace fcvm::config
