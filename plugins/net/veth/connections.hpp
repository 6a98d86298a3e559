// Connections: what the host's kernel remembers of connections and UDP sessions (conntrack), above
// all how their addresses were translated. It goes by that, and by no rule, as long as packets
// come: a client that sends to a published UDP port more often than every half a minute would for
// ever be led to the VM that published it first. What is in a VM's namespace goes with that.
#pragma once

#include <cstdint>
#include <functional>

#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"
#include "core/base/net/netlink.hpp"

namespace fcvm::net {

struct Connection {
  std::uint8_t protocol = 0;  // IPPROTO_...
  base::IpAddress from;       // as it began
  base::IpAddress to;
  std::uint16_t to_port = 0;
  base::IpAddress answered_by;  // differs from `to` when that was translated
};

class Connections {
 public:
  /// Of the calling thread's network namespace, wherever it is used later. It may be kept: see Nft.
  static Result<Connections> open();

  /// Those of this family for which `chosen` is true. Their next packet is judged anew. Done, if
  /// the kernel has no such memory.
  Result<void> forget(int family, const std::function<bool(const Connection&)>& chosen);
  /// All from and to this address.
  Result<void> forget_all_of(const base::IpAddress& address);

 private:
  explicit Connections(base::NetlinkSocket socket) : socket_(std::move(socket)) {}

  base::NetlinkSocket socket_;
};

}  // namespace fcvm::net
