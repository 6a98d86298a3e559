// What makes a VM ready: --wait-ready, --ready-timeout, and --health-check, which is short for one.
#pragma once

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/vm/model/network_plan.hpp"
#include "core/vm/model/readiness_plan.hpp"

namespace fcvm::plan {

/// Each gate names a plugin that is there and options that it has.
[[nodiscard]] Result<vm::ReadinessPlan> readiness_plan(const config::Config& config,
                                                       const plugin::Registry& registry,
                                                       const vm::NetworkPlan& network);

}  // namespace fcvm::plan
