// --help: made from the same tables that parse the command line.
#pragma once

#include <string>

#include "core/cli/verb.hpp"

namespace fcvm::cli {

/// `fcvm VERB --help`, and `fcvm --help`.
[[nodiscard]] std::string help_of(const Verb& verb);
[[nodiscard]] std::string help_of_all();

// For all that shows options: " NUMBER", or nothing for a flag; and the help with its default.
[[nodiscard]] std::string value_name(const config::Option& option);
[[nodiscard]] std::string help_text(const config::Option& option);

}  // namespace fcvm::cli
