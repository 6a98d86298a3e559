// Writing TOML texts, and naming what was read.

#include <array>

#include "core/config/document.hpp"

namespace fcvm::config {

std::string_view describe(Node::Kind kind) {
  constexpr std::array<std::string_view, 7> kNames{
      "a text", "a boolean", "a whole number", "a fraction", "a time", "a list", "a table"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += {kHex[byte >> 4U], kHex[byte & 15U]};
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace fcvm::config
