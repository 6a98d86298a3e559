// What a guest is told of its network: the plan of the user, with what the plugin made of it.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/supervisor/network.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::vm {

/// Fails when a host is to be named that the network does not reach.
[[nodiscard]] Result<wire::Network> guest_network(const NetworkPlan& plan,
                                                  const Attachment& attachment);

}  // namespace fcvm::vm
