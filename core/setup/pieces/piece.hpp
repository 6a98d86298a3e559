// Piece: one part of a guest (root file system, kernel, initrd, image) in a directory whose name is
// the hash of what it was made from. A directory of that name is complete: it is built under
// another name and renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::setup {

struct FileFacts {
  std::uint64_t size = 0;
  std::string sha256{};
};

struct Piece {
  std::string name{};  // "rootfs"
  std::string key{};
  std::filesystem::path directory{};
  std::map<std::string, FileFacts> files{};    // those directly in the directory
  std::map<std::string, std::string> facts{};  // "version" of a kernel...
};

[[nodiscard]] std::filesystem::path piece_directory(const std::filesystem::path& guests,
                                                    const std::string& name,
                                                    const std::string& key);

/// Nothing when it was not made, or not to its end.
[[nodiscard]] std::optional<Piece> find_piece(const std::filesystem::path& guests,
                                              const std::string& name, const std::string& key);

/// Takes the directory `built` as the piece of that name and key, replacing one that is there:
/// measures its files, writes piece.json, flushes all to disk, renames.
[[nodiscard]] Result<Piece> install_piece(const std::filesystem::path& guests,
                                          const std::filesystem::path& built, Piece piece);

/// A file of a piece, one thing a line; empty lines count for nothing.
[[nodiscard]] Result<std::vector<std::string>> read_lines(const std::filesystem::path& file);

}  // namespace fcvm::setup
