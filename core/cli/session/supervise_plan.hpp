// This process, or a child of it, becomes the supervisor of a VM: in the foreground, in the
// background or at a terminal, as its plan says. What `run` and the verbs of snapshots share.
#pragma once

#include <functional>
#include <string>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::cli {

/// The exit code: the container's, or of one in the background 0 once it runs and its id is
/// printed.
[[nodiscard]] Result<int> supervise_plan(Invocation& invocation, vm::RunPlan plan);

/// In the background; `then` is called in this process once it runs, and gives the exit code.
[[nodiscard]] Result<int> supervise_detached_plan(
    Invocation& invocation, vm::RunPlan plan,
    const std::function<Result<int>(const std::string& id)>& then);

}  // namespace fcvm::cli
