// From a typed value to the text that parses back into it.

#include <type_traits>
#include <utility>

#include "core/base/quantity.hpp"
#include "core/config/option.hpp"

namespace fcvm::config {

std::string to_text(Size size) {
  constexpr std::string_view kPrefixes = "TGMK";
  for (std::size_t i = 0; i < kPrefixes.size(); ++i) {
    const std::uint64_t unit = kKiB << (10 * (kPrefixes.size() - 1 - i));
    if (size.bytes >= unit && size.bytes % unit == 0) {
      return std::to_string(size.bytes / unit) + kPrefixes[i];
    }
  }
  return std::to_string(size.bytes) + "B";  // a bare number would be in the option's own unit
}

std::string to_text(Duration duration) { return base::duration_text(duration); }

namespace {

std::string join(const List& items, char separator) {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += separator;
    out += item;
  }
  return out;
}

}  // namespace

std::string to_text(const Option& option, const Value& value) {
  return std::visit(
      [&option](const auto& typed) -> std::string {
        using T = std::decay_t<decltype(typed)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return typed;
        } else if constexpr (std::is_same_v<T, bool>) {
          return typed ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return std::to_string(typed);
        } else if constexpr (std::is_same_v<T, List>) {
          return join(typed, option.separator);
        } else if constexpr (std::is_same_v<T, Map>) {
          List pairs;
          for (const auto& [key, text] : typed) pairs.push_back(key + "=" + text);
          return join(pairs, option.separator);
        } else {
          return to_text(typed);
        }
      },
      value);
}

}  // namespace fcvm::config
