// The two nf_tables tables of a VM, as text for nft: one on the host, of the VM's own name; one in
// its namespace. Pure functions: what they say is what the tests read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/net/address.hpp"
#include "plugins/net/common/tap_filter.hpp"
#include "plugins/net/veth/address_pool.hpp"
#include "plugins/net/veth/host_ports.hpp"

namespace fcvm::net {

/// The guest's address inside, and that by which the host knows it.
struct Translation {
  base::IpAddress inside;
  base::IpAddress outside;
};

struct Firewall {
  std::string table;  // on the host: "fcvm_0123456789ab"
  std::string link;   // the host's end of the veth pair
  Translation ipv4;
  std::optional<Translation> ipv6;
  bool masquerade6 = true;                 // else the world knows the guest's IPv6 address
  bool reachable6 = false;                 // and may begin to talk to it
  std::vector<PortSpan> loopback;          // of the host's 127.0.0.1, which is 10.0.2.2
  bool host_addresses = false;             // all of the host is open
  std::vector<PortSpan> host_ports;        // these ports of it are
  std::vector<Opening> host_openings;      // and these, of one address each
  std::vector<base::IpAddress> resolvers;  // of the host; IPv4
};

/// Creates the host's table; fails with EEXIST when it is there.
std::string host_table(const Firewall& firewall, const HostPorts* ports);
/// Replaces the rules for published ports, and nothing else.
std::string republish(const Firewall& firewall, const HostPorts& ports);
/// Creates the namespace's table.
std::string inside_table(const Firewall& firewall);

}  // namespace fcvm::net
