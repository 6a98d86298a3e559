// The guest's network, from the boot plan: links, addresses, routes, and the files that name hosts.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/wire/boot_plan.hpp"

namespace fcvm::agent {

Result<void> configure_network(const wire::Network& network, const std::string& hostname);
/// After a restore: sets what the plan names, and announces the addresses by ARP.
Result<void> configure_interface(const wire::Interface& interface);

std::string resolv_conf(const wire::Network& network);
std::string hosts_file(const wire::Network& network, const std::string& hostname);

}  // namespace fcvm::agent
