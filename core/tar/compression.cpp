#include "core/tar/compression.hpp"

#include <array>

namespace fcvm::tar {
namespace {

constexpr std::array<Compression, 4> kCompressions = {{{"\x1f\x8b", "gzip", "gzip"},
                                                       {"BZh", "bzip2", "bzip2"},
                                                       {"\xfd"
                                                        "7zXZ",
                                                        "xz", "xz-utils"},
                                                       {"\x28\xb5\x2f\xfd", "zstd", "zstd"}}};

}  // namespace

const Compression* compression_of(std::string_view begin) {
  for (const Compression& compression : kCompressions) {
    if (begin.starts_with(compression.magic)) return &compression;
  }
  return nullptr;
}

}  // namespace fcvm::tar
