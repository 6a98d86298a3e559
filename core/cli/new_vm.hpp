// What `fcvm run` and `fcvm create` have in common: the plan of a new VM, from their words.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::cli {

[[nodiscard]] Result<vm::RunPlan> plan_new_vm(Invocation& invocation);

/// With --replace, the VM that has the name. Only once everything about the new one is right, as
/// far as can be told.
[[nodiscard]] Result<void> replace_old_vm(Invocation& invocation, const std::string& name);

}  // namespace fcvm::cli
