// Running a program of the guest to its end, with what it says kept for a message.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/loop.hpp"

namespace fcvm::agent {

using OnCommandEnd = std::function<void(int code, const std::string& output)>;

/// Without waiting: the loop goes on. `output` is the end of stdout and stderr together.
Result<void> run_command(Loop& loop, const std::vector<std::string>& command, OnCommandEnd on_end);

/// Waits; for the few short programs before the loop has anything else to do. Fails with its output
/// when it does not end with 0.
Result<void> run_command_now(const std::vector<std::string>& command, const std::string& root = {});

}  // namespace fcvm::agent
