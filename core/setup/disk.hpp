// The writable disk of a VM: a sparse ext4 image cloned from a template that is made once per size.
#pragma once

#include <cstdint>
#include <filesystem>

#include <fcvm/result.hpp>

namespace fcvm::setup {

/// Makes `to`, which must not exist, a copy of `from`: by FICLONE where the file system can, else
/// only what is not a hole is copied. On failure nothing is left at `to`.
[[nodiscard]] Result<void> clone_file(const std::filesystem::path& from,
                                      const std::filesystem::path& to);

/// Whether files in this directory can share blocks (FICLONE), tried with files of a page.
[[nodiscard]] Result<bool> can_reflink(const std::filesystem::path& directory);

/// Makes `to`, which must not exist, an empty ext4 file system of `bytes`, rounded up to a MiB.
/// `templates` is vm::Paths::templates(); it is made when missing. The first disk of a size takes
/// an mke2fs, the others some milliseconds.
[[nodiscard]] Result<void> make_writable_disk(const std::filesystem::path& templates,
                                              const std::filesystem::path& to, std::uint64_t bytes);

}  // namespace fcvm::setup
