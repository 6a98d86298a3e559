#include "core/config/toml_text.hpp"

#include <cctype>

#include "core/config/document.hpp"

namespace fcvm::config {

std::string toml_key(const std::string& key) {
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    const bool bare = byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '_');
    if (!bare) return quote(key);
  }
  return key.empty() ? quote(key) : key;
}

std::string toml_text(const Option& option, const Value& value) {
  if (std::holds_alternative<bool>(value) || std::holds_alternative<std::int64_t>(value)) {
    return to_text(option, value);
  }
  std::string out;
  if (const auto* list = std::get_if<List>(&value)) {
    for (const std::string& item : *list) out += (out.empty() ? "" : ", ") + quote(item);
    return "[" + out + "]";
  }
  if (const auto* map = std::get_if<Map>(&value)) {
    for (const auto& [key, text] : *map) {
      out += (out.empty() ? " " : ", ") + toml_key(key) + " = " + quote(text);
    }
    return "{" + out + (out.empty() ? "}" : " }");
  }
  return quote(to_text(option, value));
}

}  // namespace fcvm::config
