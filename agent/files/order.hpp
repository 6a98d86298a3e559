// The agent's end of an order about files: what agent/files does, on stdin and stdout.
#pragma once

#include <string>

#include "core/wire/files.hpp"

namespace fcvm::agent {

/// Runs the order in this process, which is in the container's root and has the user's identity:
/// the exit code. Relative paths begin in `home`.
int run_files(const wire::FileOrder& order, const std::string& home);

}  // namespace fcvm::agent
