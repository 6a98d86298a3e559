// How ids, versions, option names and messages are spelled.
#pragma once

#include <string_view>

namespace fcvm::check {

[[nodiscard]] bool is_kebab_case(std::string_view text);
[[nodiscard]] bool is_plugin_id(std::string_view text);
/// "1.2.3", with an optional "-rc1" or "+build".
[[nodiscard]] bool is_version(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);
/// UTF-8 without control characters: it may go to a terminal as it is.
[[nodiscard]] bool is_showable(std::string_view text);

}  // namespace fcvm::check
