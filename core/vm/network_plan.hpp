// NetworkPlan: what is decided about a VM's network before it is made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/vm/record.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::vm {

/// What a user writes for the address by which the guest reaches its host.
inline constexpr const char* kHostGateway = "host-gateway";

/// The option of a net plugin that takes NetworkPlan::ipv6_prefix.
inline constexpr const char* kIpv6PrefixOption = "ipv6-prefix";

struct NetworkPlan {
  std::string plugin;  // its id; empty: none, and the rest means nothing
  std::string mac;     // wanted, each of these; empty: the plugin's choice
  std::string ipv4;
  std::string ipv6;
  std::string ipv6_prefix;  // given to the plugin as its option kIpv6PrefixOption
  std::uint32_t mtu = 0;
  bool host_loopback = true;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<wire::HostEntry> hosts;  // an address may be kHostGateway
  std::vector<PublishedPort> publish;  // without an address: the VM's own
  std::vector<std::string> proxies;    // "http_proxy=...", of the caller

  /// What a record calls it.
  [[nodiscard]] std::string name() const { return plugin.empty() ? "none" : plugin; }
};

}  // namespace fcvm::vm
