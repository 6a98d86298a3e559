// The record with which a VM begins: what its plan says.
#pragma once

#include <fcvm/result.hpp>

#include "core/plugin/registry.hpp"
#include "core/vm/model/record.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::vm {

/// Without an id yet, which Store::create gives it. ENOENT for a plugin that there is not.
[[nodiscard]] Result<Record> new_record(const RunPlan& plan, const plugin::Registry& registry);

}  // namespace fcvm::vm
