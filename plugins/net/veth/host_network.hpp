// HostNetwork: what the host's network looks like at the moment: whether an address is in use,
// where traffic leaves, who resolves names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/net/rtnetlink.hpp"

namespace fcvm::net {

/// How the host's end of a VM's veth pair begins; its place in the pool follows. Such names are
/// what a firewall may be told of: "fcvm-*".
inline constexpr const char* kLinkPrefix = "fcvm-";

class HostNetwork {
 public:
  /// Asks the kernel, in the namespace of `kernel`.
  static Result<HostNetwork> survey(base::Rtnetlink& kernel);

  /// Who has an address or a route within `prefix`, or around it: "the route to 172.16.0.0/12 by
  /// eth1". "" when nobody has. A default route, or half of one, is nobody's.
  [[nodiscard]] std::string user_of(const base::IpPrefix& prefix) const;
  /// Whether the very address is the host's.
  [[nodiscard]] bool has_address(const base::IpAddress& address) const;

  /// The links that packets of this family leave by, apart from loopback and those of VMs.
  [[nodiscard]] std::vector<base::Link> uplinks(int family) const;
  /// The default route's.
  [[nodiscard]] std::optional<base::Link> default_link(int family) const;
  [[nodiscard]] bool has_link(const std::string& name) const;

  [[nodiscard]] const std::vector<base::LinkAddress>& addresses() const { return addresses_; }
  [[nodiscard]] const std::vector<base::Route>& routes() const { return routes_; }
  [[nodiscard]] const base::Link* link(unsigned index) const;

 private:
  std::vector<base::Link> links_;
  std::vector<base::LinkAddress> addresses_;
  std::vector<base::Route> routes_;  // the main table's, of both families
};

/// The servers of a resolv.conf(5), at most three; 127.0.0.1 when it names none, or is missing.
Result<std::vector<base::IpAddress>> resolvers_of(const std::string& path);

}  // namespace fcvm::net
