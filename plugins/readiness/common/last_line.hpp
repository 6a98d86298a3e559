// What a guest said, for a message: a little of it, and nothing that a terminal would obey.
#pragma once

#include <string>
#include <string_view>

namespace fcvm::readiness {

/// The last line that has something on it, cut to what a message has room for.
[[nodiscard]] std::string last_line(std::string_view text);

}  // namespace fcvm::readiness
