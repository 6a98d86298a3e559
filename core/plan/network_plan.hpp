// The network options of `fcvm run`, checked as far as the host can tell before anything is made.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/plan/request.hpp"
#include "core/vm/model/network_plan.hpp"

namespace fcvm::plan {

[[nodiscard]] Result<vm::NetworkPlan> make_network_plan(const Request& request);

}  // namespace fcvm::plan
