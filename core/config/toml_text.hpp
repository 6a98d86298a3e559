// A value as TOML.
#pragma once

#include <string>

#include "core/config/option.hpp"

namespace fcvm::config {

[[nodiscard]] std::string toml_text(const Option& option, const Value& value);

/// A key, in quotes where TOML wants them.
[[nodiscard]] std::string toml_key(const std::string& key);

}  // namespace fcvm::config
