// Running a program of the guest to its end, with what it says kept for a message.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/loop.hpp"
#include "agent/process/process.hpp"

namespace fcvm::agent {

using OnCommandEnd = std::function<void(int code, const std::string& output)>;

/// Without waiting: the loop goes on. `output` is the end of stdout and stderr together.
Result<void> run_command(Loop& loop, const std::vector<std::string>& command, OnCommandEnd on_end);
/// The same for a command with options of its own, which is killed at the limit: its code is then
/// that of SIGKILL.
Result<void> run_command(Loop& loop, const ProcessOptions& options, std::chrono::milliseconds limit,
                         OnCommandEnd on_end);

}  // namespace fcvm::agent
