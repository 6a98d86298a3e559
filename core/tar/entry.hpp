// Entry: one member of a tar archive, without its content.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace fcvm::tar {

enum class Kind : char {
  kFile = '0',
  kHardLink = '1',
  kSymlink = '2',
  kCharDevice = '3',
  kBlockDevice = '4',
  kDirectory = '5',
  kFifo = '6',
};

/// A stretch of a file that has data; what lies between two of them is a hole.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// More stretches than this are put together, or refused.
constexpr std::size_t kMostExtents = 1 << 16;

struct Entry {
  std::string name;  // a directory's without a slash at its end
  Kind kind = Kind::kFile;
  std::string link;  // of a symbolic or hard link
  mode_t mode = 0644;
  uid_t uid = 0;
  gid_t gid = 0;
  std::int64_t mtime_s = 0;
  std::uint32_t mtime_ns = 0;
  std::uint64_t size = 0;  // of the file, holes and all
  bool sparse = false;     // `extents` says where its data lies
  std::vector<Extent> extents;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
};

}  // namespace fcvm::tar
