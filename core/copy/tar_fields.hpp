// Where the fields of a tar header lie: for tar_encode.cpp and tar_header.cpp alone.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/copy/tar_header.hpp"

namespace fcvm::copy {

struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kLink{157, 100};
constexpr std::size_t kMagic = 257;
constexpr Field kMajor{329, 8};
constexpr Field kMinor{337, 8};
constexpr Field kPrefix{345, 155};
constexpr std::size_t kOldExtents = 386;
constexpr std::size_t kOldMore = 482;
constexpr Field kOldRealSize{483, 12};

/// As it is when its own field holds blanks.
inline unsigned checksum(std::string_view block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    sum += own ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

}  // namespace fcvm::copy
