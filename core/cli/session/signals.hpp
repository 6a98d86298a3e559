// Names of signals, as --signal takes them.
#pragma once

#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::cli {

/// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3".
[[nodiscard]] Result<int> parse_signal(std::string_view text);

}  // namespace fcvm::cli
