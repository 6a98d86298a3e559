// Running a VM to its end from this process, which is its supervisor, or whose child is.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/snapshot/create.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::cli {

struct VmToRun {
  vm::RunPlan plan;
  std::string again{};   // the id of the VM that is there already; empty: a new one
  std::string called{};  // what is printed of one in the background; empty: its id
  /// Once it is ready. One in the background that ends with that is gone before its caller goes on,
  /// and called as its snapshot.
  std::optional<snapshot::CreateOptions> save{};
};

/// In the background, at a terminal or in the foreground, as the plan says. The exit code. A VM in
/// the background has a child for its supervisor, in which this returns, too, when that has ended.
[[nodiscard]] Result<int> run_vm(Invocation& invocation, VmToRun vm);

/// In the background; `then` is called in this process once it runs, with what would be printed of
/// it, and gives the exit code.
[[nodiscard]] Result<int> run_vm_detached(
    Invocation& invocation, VmToRun vm,
    const std::function<Result<int>(const std::string& called)>& then);

}  // namespace fcvm::cli
