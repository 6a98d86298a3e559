// The network options of `fcvm run`, checked as far as the host can tell before anything is made.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/vm/network_plan.hpp"

namespace fcvm::cli {

[[nodiscard]] Result<vm::NetworkPlan> make_network_plan(Invocation& invocation,
                                                        const config::Config& config);

/// The published ports, as -p takes them.
[[nodiscard]] std::vector<std::string> describe_ports(const vm::NetworkPlan& plan);

}  // namespace fcvm::cli
