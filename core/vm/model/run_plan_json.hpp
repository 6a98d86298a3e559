// RunPlan as JSON: what is kept of a VM so that `fcvm start` can make it again, and of one that is
// saved, for clones.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/vm/model/run_plan.hpp"

namespace fcvm::vm {

/// Whole: with the container's environment, so whoever keeps it keeps a secret.
[[nodiscard]] std::string plan_to_json(const RunPlan& plan);
/// A key that is missing keeps its default, and one that is unknown is left alone, so that plans
/// may gain keys. EPROTO for what is no plan.
[[nodiscard]] Result<RunPlan> plan_from_json(std::string_view json);

}  // namespace fcvm::vm
