// What the host's network has to offer: asked of the kernel and of resolv.conf, in the network
// namespace of the calling thread. Owns nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"

namespace fcvm::rootless {

struct HostNetwork {
  /// A default route, or an address that is valid beyond its link.
  bool has_ipv6 = false;
  /// The interface that pasta is to take for a template, which it finds by itself as long as there
  /// is a default route for each family in use: then this is empty.
  std::string template_link;
  /// resolv.conf's, in its order.
  std::vector<base::IpAddress> resolvers;
};

/// `want_ipv6`: whether IPv6 is in use.
Result<HostNetwork> look_at_host(bool want_ipv6);

/// The nameservers of a resolv.conf; what cannot be read as one is left out.
std::vector<base::IpAddress> read_resolvers(std::string_view resolv_conf);

}  // namespace fcvm::rootless
