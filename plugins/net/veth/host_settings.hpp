// Which settings of the host's kernel a VM's network needs, apart from those of its own link. Per
// interface wherever the kernel has it so.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "plugins/net/veth/host_network.hpp"

namespace fcvm::net {

struct NeededSetting {
  std::string name;
  std::string value;
};

struct SettingNeeds {
  bool ipv6 = false;
  std::string ndp_proxy;  // the link that is to answer for the VM's IPv6 address; "" for none
};

/// In the order in which they are to be set; put back in the reverse order.
///
/// IPv4 is forwarded if the link that a packet comes in by says so; hence each link by which
/// answers may come. For IPv6 only kernels since 6.17 have it so (force_forwarding); on older ones
/// the whole host becomes a router. A router does not listen to other routers' advertisements,
/// which would cost the host its own address and route, unless accept_ra is 2.
Result<std::vector<NeededSetting>> needed_settings(const HostNetwork& host,
                                                   const SettingNeeds& needs);

}  // namespace fcvm::net
