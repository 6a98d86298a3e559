// --help: made from the same tables that parse the command line.
#pragma once

#include <string>

#include "core/cli/verb.hpp"

namespace fcvm::cli {

/// `fcvm VERB --help`, and `fcvm --help`.
[[nodiscard]] std::string help_of(const Verb& verb);
[[nodiscard]] std::string help_of_all();

}  // namespace fcvm::cli
