#include "core/base/io/disk_usage.hpp"

#include <sys/stat.h>

namespace fcvm::base {
namespace {

std::uint64_t bytes_of_one(const std::filesystem::path& path) {
  constexpr std::uint64_t kBlock = 512;  // st_blocks counts these on every file system
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * kBlock
                                           : 0;
}

}  // namespace

std::uint64_t bytes_on_disk(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::uint64_t bytes = bytes_of_one(path);
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
       at.increment(error)) {
    bytes += bytes_of_one(at->path());
  }
  return bytes;
}

}  // namespace fcvm::base
