// The network options of `fcvm run`, checked as far as the host can tell before anything is made.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/plan/request.hpp"
#include "core/vm/model/network_plan.hpp"

namespace fcvm::plan {

[[nodiscard]] Result<vm::NetworkPlan> make_network_plan(const Request& request);

// Its parts that need no plugin: --ip and its kin; --dns, --add-host and theirs; --host-loopback,
// --host-addresses, --link-local, --network-rate; --publish, --publish-address.
[[nodiscard]] Result<void> take_addresses(vm::NetworkPlan& plan, const config::Config& config);
[[nodiscard]] Result<void> take_names(vm::NetworkPlan& plan, const config::Config& config);
[[nodiscard]] Result<void> take_openings(vm::NetworkPlan& plan, const config::Config& config);
[[nodiscard]] Result<void> take_ports(vm::NetworkPlan& plan, const config::Config& config);

}  // namespace fcvm::plan
