#pragma once

#include <string>

#include "core/vm/model/run_plan.hpp"

namespace fcvm::plan {

/// What --dry-run prints, as JSON.
[[nodiscard]] std::string describe(const vm::RunPlan& plan);

}  // namespace fcvm::plan
