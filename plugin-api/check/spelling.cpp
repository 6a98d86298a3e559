// Owns the spelling rules of the interface.
#include "plugin-api/check/spelling.hpp"

#include <algorithm>

namespace fcvm::check {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

/// How many bytes the character takes that begins so; 0 when none begins so.
std::size_t utf8_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

}  // namespace

bool is_kebab_case(std::string_view text) {
  if (text.empty() || !is_lower(text.front()) || text.back() == '-') return false;
  if (text.find("--") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_plugin_id(std::string_view text) {
  const auto dot = text.find('.');
  return dot != std::string_view::npos && is_kebab_case(text.substr(0, dot)) &&
         is_kebab_case(text.substr(dot + 1));
}

bool is_version(std::string_view text) {
  for (int part = 0; part < 3; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') return false;
      text.remove_prefix(1);
    }
    const auto digits = take_digits(text);
    if (digits.empty()) return false;
    text.remove_prefix(digits.size());
  }
  return text.empty() || ((text.front() == '-' || text.front() == '+') && text.size() > 1);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_length(static_cast<unsigned char>(text.front()));
    if (length == 0 || length > text.size()) return false;
    const auto rest = text.substr(1, length - 1);
    if (!std::all_of(rest.begin(), rest.end(), [](char c) { return (c & 0xc0) == 0x80; })) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

bool is_showable(std::string_view text) {
  return is_utf8(text) && std::all_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
         });
}

}  // namespace fcvm::check
