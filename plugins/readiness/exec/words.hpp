// The command of readiness.exec, as podman's --health-cmd has it.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::readiness {

/// A JSON list of words is the command itself; anything else is a line for the shell.
[[nodiscard]] Result<std::vector<std::string>> words_of(const std::string& command);

}  // namespace fcvm::readiness
