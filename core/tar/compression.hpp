// Compression: what packs tar archives, told by how a file begins.
#pragma once

#include <string_view>

namespace fcvm::tar {

struct Compression {
  std::string_view magic;
  const char* program;  // which unpacks with -dc
  const char* package;  // Debian's, which has it
};

/// The one that packed what begins so; null for none that is known.
[[nodiscard]] const Compression* compression_of(std::string_view begin);

}  // namespace fcvm::tar
