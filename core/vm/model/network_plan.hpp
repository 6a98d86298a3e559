// NetworkPlan: what is decided about a VM's network before it is made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/vm/model/port.hpp"
#include "core/vm/model/proxies.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::vm {

/// What a user writes for the address by which the guest reaches its host.
inline constexpr const char* kHostGateway = "host-gateway";

/// Ports of the host which a guest may reach, though all else there is closed.
struct OpenPorts {
  std::uint16_t first = 0;
  std::uint16_t count = 1;
  std::optional<Protocol> protocol;  // nothing: both
};

/// How much of a closed part of the host is open.
struct HostAccess {
  bool all = false;
  std::vector<OpenPorts> ports;

  [[nodiscard]] bool any() const { return all || !ports.empty(); }
};

struct NetworkPlan {
  std::string plugin;     // its id; empty: none, and the rest means nothing
  bool reattach = false;  // the guest has these addresses already, and keeps them
  std::string mac;        // wanted, each of these; empty: the plugin's choice
  std::string ipv4;
  std::string ipv6;
  std::string ipv6_prefix;
  std::uint32_t mtu = 0;
  HostAccess host_loopback;
  HostAccess host_addresses;
  bool link_local = false;
  std::uint64_t rate_in = 0;  // bytes per second towards the guest; 0: no limit
  std::uint64_t rate_out = 0;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<wire::HostEntry> hosts;          // an address may be kHostGateway
  std::vector<PublishedPort> publish;          // wishes
  bool publish_exposed = false;                // and each port that the image exposes
  std::string publish_address;                 // where those without an address are, too; or empty
  std::vector<std::string> proxies;            // "http_proxy=...", of the caller
  std::vector<ProxyEndpoint> proxy_endpoints;  // open, wherever they are

  /// What is open of what is closed by default: "host-loopback=80/tcp", as the options say it.
  [[nodiscard]] std::vector<std::string> opened() const;
  /// What a record calls it.
  [[nodiscard]] std::string name() const { return plugin.empty() ? "none" : plugin; }
};

}  // namespace fcvm::vm
