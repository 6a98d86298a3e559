// Plan: all that is decided about a VM's network before anything of it is made. It owns what was
// reserved for that: the address and the ports.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "plugins/net/veth/address_pool.hpp"
#include "plugins/net/veth/firewall.hpp"
#include "plugins/net/veth/foreign_firewall.hpp"
#include "plugins/net/veth/host_ports.hpp"
#include "plugins/net/veth/host_settings.hpp"
#include "plugins/net/veth/remains.hpp"
#include "plugins/net/veth/request.hpp"

namespace fcvm::net {

struct VethOptions {
  std::string address_pool;
  std::string lease_directory;
  std::string resolv_conf;
};

/// How a VM has IPv6.
struct Ipv6Plan {
  base::IpPrefix guest;  // inside, with prefix length
  base::IpAddress outside;
  bool masquerade = true;
  bool reachable = false;  // the world may begin to talk to it
  std::string ndp_proxy;   // the link that answers for it; "" for none
  std::string lease_file;
  Lease lease;  // of the outside address, unless it comes with the IPv4 one
};

/// What a mode may go by. `directory` is where leases are.
struct PlanInputs {
  const Request& request;
  const PairNetwork& pair;
  const HostNetwork& host;
  const std::string& directory;
};

/// What the modes decide each in its way.
struct Mode {
  /// Nothing: no IPv6.
  std::function<Result<std::optional<Ipv6Plan>>(const PlanInputs&)> plan_ipv6;
  /// Ports are published by address translation; else they are not our affair.
  bool translate_ports = true;
};

struct Plan {
  std::string directory;
  PairNetwork pair;
  Lease lease;
  std::string stale_table;  // of a killed VM that had the address, or ""
  base::IpPrefix guest4;
  std::optional<Ipv6Plan> ipv6;
  std::uint32_t mtu = 0;
  base::MacAddress mac;
  std::vector<base::IpAddress> guest_resolvers;
  std::vector<NeededSetting> settings;
  std::optional<HostPorts> ports;
  std::vector<Published> published;          // by the request, as they were taken
  std::vector<ForeignChain> foreign_chains;  // that would drop the VM's packets
  Firewall firewall;
  TapPolicy filter;
  bool names_gateway = false;       // the guest is told of the host's loopback
  bool routes_to_loopback = false;  // the host's end of the veth pair does
  std::uint64_t rate_in = 0;
  Remains remains;
};

Result<Plan> make_plan(const Request& request, const VethOptions& options, const Mode& mode,
                       base::Rtnetlink& kernel, Nft& nft, const Call& call);

}  // namespace fcvm::net
