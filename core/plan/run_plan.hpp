// From the options of [run] to a vm::RunPlan.
#pragma once

#include <fcvm/result.hpp>

#include "core/plan/request.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::plan {

/// Decides everything: which plugins, which guest, what runs. Makes nothing.
[[nodiscard]] Result<vm::RunPlan> make_run_plan(const Request& request);

}  // namespace fcvm::plan
