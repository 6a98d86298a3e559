// Asking the user before much is removed.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"

namespace fcvm::cli {

/// True at once with --force, and where nobody sits at a terminal to ask: a script means what it
/// says.
[[nodiscard]] Result<bool> confirm(const Invocation& invocation, const std::string& what);

/// --force, for a verb that confirms.
[[nodiscard]] config::Option unasked_option();

}  // namespace fcvm::cli
