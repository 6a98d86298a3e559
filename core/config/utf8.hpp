// Finds text that is not UTF-8, at its exact place: toml++ names the place before it.
#pragma once

#include <optional>
#include <string_view>

#include "core/config/document.hpp"

namespace fcvm::config {

/// Columns count characters, as toml++'s do.
[[nodiscard]] std::optional<Position> find_bad_utf8(std::string_view text);

}  // namespace fcvm::config
