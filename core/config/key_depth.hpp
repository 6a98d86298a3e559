// Finds dotted keys and table headers (a.b.c) that are absurdly long, before toml++ sees them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/config/document.hpp"

namespace fcvm::config {

inline constexpr std::size_t kDeepestKey = 32;

/// Where the first key with more than kDeepestKey parts stands.
[[nodiscard]] std::optional<Position> find_deep_key(std::string_view text);

}  // namespace fcvm::config
