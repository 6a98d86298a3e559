// Sources of bytes that give a text in pieces of a size, and what is read from one.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "core/api/envd/byte_source.hpp"
#include "tests/support/must.hpp"

namespace fcvm::api::envd {

inline ByteSource source_of(const std::string& text, std::size_t piece) {
  return [text, piece,
          at = std::make_shared<std::size_t>(0)](std::span<char> into) -> Result<std::size_t> {
    const auto size = std::min({into.size(), piece, text.size() - *at});
    std::memcpy(into.data(), text.data() + *at, size);
    *at += size;
    return size;
  };
}

/// From anything that has a read() as sources do.
template <typename Reader>
Result<std::string> all_of(Reader& reader) {
  std::string all;
  std::string piece(7, '\0');
  for (;;) {
    const auto got = reader.read(piece);
    if (!got) return unexpected(got.error());
    if (*got == 0) return all;
    all.append(piece, 0, *got);
  }
}

}  // namespace fcvm::api::envd
