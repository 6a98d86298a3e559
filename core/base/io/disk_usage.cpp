#include "core/base/io/disk_usage.hpp"

#include <set>
#include <sys/stat.h>
#include <utility>

namespace fcvm::base {
namespace {

using Files = std::set<std::pair<dev_t, ino_t>>;

/// A file of several names counts once; `seen` has those that were.
std::uint64_t bytes_of_one(const std::filesystem::path& path, Files& seen) {
  constexpr std::uint64_t kBlock = 512;  // st_blocks counts these on every file system
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return 0;
  const bool has_names = !S_ISDIR(info.st_mode) && info.st_nlink > 1;
  if (has_names && !seen.insert({info.st_dev, info.st_ino}).second) return 0;
  return static_cast<std::uint64_t>(info.st_blocks) * kBlock;
}

}  // namespace

std::uint64_t bytes_on_disk(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  Files seen;
  std::uint64_t bytes = bytes_of_one(path, seen);
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
       at.increment(error)) {
    bytes += bytes_of_one(at->path(), seen);
  }
  return bytes;
}

}  // namespace fcvm::base
