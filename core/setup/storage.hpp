// A file system with reflinks for hosts that have none: a file beside the data directory, mounted
// over it. For root only, and only when asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <fcvm/result.hpp>

namespace fcvm::setup {

/// `kind` is "btrfs" or "xfs". Makes <data>.img unless it is there, and mounts it on `data`;
/// succeeds when that is so already. Refuses a data directory that has anything but guests and
/// templates, which are moved into the new file system.
[[nodiscard]] Result<void> make_storage(const std::filesystem::path& data, const std::string& kind,
                                        std::uint64_t bytes);

/// Unmounts it, and leaves the file with all that is in it.
[[nodiscard]] Result<void> remove_storage(const std::filesystem::path& data);

}  // namespace fcvm::setup
