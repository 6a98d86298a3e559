// From a TOML value to an option's typed value.
#pragma once

#include <optional>

#include "core/config/load/toml.hpp"
#include "core/config/option.hpp"
#include "core/config/problem.hpp"

namespace fcvm::config {

/// Empty when it does not fit, and `problems` says why and where.
[[nodiscard]] std::optional<Value> value_of(const Option& option, const Node& node,
                                            const Document& document, Problems& problems);

}  // namespace fcvm::config
