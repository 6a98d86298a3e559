// Podman's options about a container's health.
#pragma once

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/vm/model/health_plan.hpp"

namespace fcvm::plan {

[[nodiscard]] Result<vm::HealthPlan> health_plan(const config::Config& config);

}  // namespace fcvm::plan
