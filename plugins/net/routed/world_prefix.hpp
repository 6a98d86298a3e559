// WorldPrefix: the IPv6 network of which VMs have addresses that the world knows: what the host has
// on an interface, or what the user was given for it.
#pragma once

#include <cstdint>
#include <string>

#include <fcvm/result.hpp>

#include "plugins/net/veth/host_network.hpp"
#include "plugins/net/veth/lease.hpp"
#include "plugins/net/veth/request.hpp"

namespace fcvm::net {

struct WorldPrefix {
  base::IpPrefix prefix;
  std::string uplink;  // the link whose neighbours ask for these addresses
  bool given = false;  // by the user: then it is routed to this host, and needs no masquerading

  /// "2001:db8:1::/64", up to /120.
  static Result<WorldPrefix> of_user(const std::string& text, const HostNetwork& host);
  /// The host's own /64: that of an address on an interface, or around a /128 to which the whole
  /// network is on the link. The default route's interface goes before others.
  static Result<WorldPrefix> of_host(const HostNetwork& host);
};

/// One VM's address of it, ours while the lease is held.
struct WorldAddress {
  base::IpAddress address;
  std::string lease_file;
  Lease lease;
};

/// The wanted address, or a free one, which neither the host nor another VM has.
Result<WorldAddress> take_address(const WorldPrefix& world, const Request& request,
                                  const HostNetwork& host, const std::string& directory);

}  // namespace fcvm::net
