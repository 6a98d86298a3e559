// Bytes in JSON, which holds text only: names, arguments and labels of Unix are bytes. For the few
// .cpp files of core/vm that write or read JSON; owns nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/base/printable.hpp"

namespace fcvm::vm {

/// A string, or {"hex": "..."} where it is not UTF-8.
inline nlohmann::ordered_json to_json_text(std::string_view text) {
  if (base::is_utf8(text)) return std::string(text);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    hex += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return {{"hex", hex}};
}

/// Throws as nlohmann does when it is neither of the two.
template <typename Json>
std::string from_json_text(const Json& value) {
  if (value.is_string()) return value.template get<std::string>();
  const auto hex = value.at("hex").template get<std::string>();
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace fcvm::vm
