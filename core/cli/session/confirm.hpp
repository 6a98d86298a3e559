// Asking the user before much is removed.
#pragma once

#include <string>

#include <fcvm/result.hpp>

namespace fcvm::cli {

/// True at once where nobody sits at a terminal to ask: a script means what it says.
[[nodiscard]] Result<bool> confirm(const std::string& what);

}  // namespace fcvm::cli
