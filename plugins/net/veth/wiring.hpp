// The links, addresses and routes of one VM:
//
//   host                         | namespace                                     | VM
//   fcvm-7  172.30.0.29/30  <----+-> eth0  172.30.0.30/30      tap0  10.0.2.1 <--+-> 10.0.2.100
//           fe80::1              |         fe80::2                   fe80::1     |
//
// The namespace belongs to no process: it lives as long as the descriptor that the plugin holds, or
// a VMM in it. When it goes, the kernel takes the veth pair with it, whoever was killed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <fcvm/result.hpp>

#include "core/base/net/rtnetlink.hpp"
#include "core/base/process/namespaces.hpp"
#include "plugins/net/veth/address_pool.hpp"
#include "plugins/net/veth/firewall.hpp"

namespace fcvm::net {

/// The namespace's end of the veth pair.
inline constexpr const char* kInnerLink = "eth0";

struct Wires {
  std::string vm_id;
  std::string link;  // the host's end of the veth pair
  PairNetwork pair;
  base::IpAddress guest4;
  std::optional<Translation> ipv6;
  std::uint32_t mtu = 0;
  bool gateway_is_host = false;  // 10.0.2.2 leads to the host's loopback
  bool routes_to_loopback = false;
  std::uint64_t rate_in = 0;  // bytes per second towards the guest; 0: no limit
};

/// Makes them all, and the namespace. What a failure has left goes with unwire() and the namespace.
Result<void> wire(const Wires& wires, base::Rtnetlink& host, const base::Namespace& inside);

/// Takes the host's end of the veth pair out of use, at once: no address, no route, down.
Result<void> unwire(const Wires& wires, base::Rtnetlink& host);

/// Deletes a link that unwire() has left, which takes the kernel some 20 ms. Left alone it would go
/// with the namespace, which lives as long as any connection that was made in it.
Result<void> delete_released(const std::string& link, base::Rtnetlink& host);

/// Deletes that of a VM whose owner is dead, whatever it is called.
Result<void> delete_link_of_dead(const std::string& vm_id, base::Rtnetlink& host);

}  // namespace fcvm::net
