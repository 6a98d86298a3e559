// What a guest is told of its network: the plan of the user, with what the plugin made of it.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/network.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::vm {

/// Fails when a host is to be named that the network does not reach.
[[nodiscard]] Result<wire::Network> guest_network(const NetworkPlan& plan,
                                                  const Attachment& attachment);

/// Where the proxies of "http_proxy=http://127.0.0.1:3128" and the like are, as far as that is
/// written as an address: each has to be reached, wherever it is.
[[nodiscard]] std::vector<ProxyEndpoint> proxy_endpoints(const std::vector<std::string>& proxies);

/// "http_proxy=http://127.0.0.1:3128" as the guest reaches it: a loopback address of the host
/// becomes `host_gateway`. A proxy that it cannot reach is left out, with its name in `dropped`.
[[nodiscard]] std::vector<std::string> guest_proxies(const std::vector<std::string>& proxies,
                                                     const std::string& host_gateway,
                                                     std::vector<std::string>& dropped);

}  // namespace fcvm::vm
