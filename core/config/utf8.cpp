#include "core/config/utf8.hpp"

#include <cstddef>

namespace fcvm::config {

namespace {

bool in_range(unsigned char byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}

/// Length of the character at the front; 0 when it is none. Overlong forms, surrogates and what is
/// above U+10FFFF are told by the second byte alone.
std::size_t character_length(std::string_view text) {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  if (!in_range(first, 0xc2, 0xf4)) return 0;
  const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (!in_range(at(1), low, high)) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (std::size_t i = 2; i < length; ++i) {
    if (!in_range(at(i), 0x80, 0xbf)) return 0;
  }
  return length;
}

}  // namespace

std::optional<Position> find_bad_utf8(std::string_view text) {
  Position here{1, 1};
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return here;
    if (text.front() == '\n') {
      here = {here.line + 1, 1};
    } else {
      ++here.column;
    }
    text.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace fcvm::config
