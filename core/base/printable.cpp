// See printable.hpp.
#include "core/base/printable.hpp"

#include <algorithm>

namespace fcvm::base {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool in_range(unsigned char byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && in_range(static_cast<unsigned char>(character[1]), 0x80, 0x9f);
}

// U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069; and the line separators U+2028 and U+2029.
bool changes_direction(std::string_view character) {
  if (character.size() != 3 || !character.starts_with("\xe2")) return false;
  const auto second = static_cast<unsigned char>(character[1]);
  const auto third = static_cast<unsigned char>(character[2]);
  if (second == 0x80) return in_range(third, 0x8e, 0x8f) || in_range(third, 0xa8, 0xae);
  return second == 0x81 && in_range(third, 0xa6, 0xa9);
}

void append_escaped(std::string& clean, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    clean += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  }
}

/// Of two or three bytes, or ASCII.
void append_json_escape(std::string& clean, std::string_view character) {
  unsigned code = static_cast<unsigned char>(character.front());
  if (character.size() == 2) code &= 0x1f;
  if (character.size() == 3) code &= 0x0f;
  for (const char c : character.substr(1))
    code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
  clean += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) clean += kHex[code >> shift & 15];
}

}  // namespace

// Overlong forms, surrogates and what is above U+10FFFF are known by the second byte alone.
std::size_t utf8_length(std::string_view text) {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  if (text.empty()) return 0;
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

bool is_utf8(std::string_view text) {
  while (const std::size_t length = utf8_length(text)) text.remove_prefix(length);
  return text.empty();
}

std::string printable(std::string_view text, Newlines newlines) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(character.size());
    const bool keeps_lines = newlines != Newlines::kEscaped;
    if (newlines == Newlines::kKept && character == "\r" && text.starts_with('\n')) continue;
    if (keeps_lines && character == "\n") {
      clean += '\n';
      if (newlines == Newlines::kIndented && !text.starts_with(' ')) clean += "  ";
    } else if (keeps_lines && character == "\t") {
      clean += '\t';
    } else if (length == 0 || is_control(character) || changes_direction(character)) {
      append_escaped(clean, character);
    } else {
      clean += character;
    }
  }
  return clean;
}

std::string printable_json(std::string_view json) {
  std::string clean;
  clean.reserve(json.size());
  while (!json.empty()) {
    const std::string_view character = json.substr(0, std::max<std::size_t>(1, utf8_length(json)));
    json.remove_prefix(character.size());
    const bool is_layout = character == "\n";
    if (!is_layout && (is_control(character) || changes_direction(character))) {
      append_json_escape(clean, character);
    } else {
      clean += character;
    }
  }
  return clean;
}

}  // namespace fcvm::base
