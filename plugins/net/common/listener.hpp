// Listener: owns one bound socket of the host for a published port; PortRange is a checked
// fcvm_publish. Every way in which binding fails has a message of its own.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/net.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::net {

/// What only one may have.
struct PortKey {
  std::uint32_t protocol;  // FCVM_PROTO_...
  std::string address;     // as the kernel writes it
  std::uint16_t port;

  friend auto operator<=>(const PortKey&, const PortKey&) = default;
};

/// "127.20.0.1:8080/tcp", "[::1]:53/udp": as `fcvm port` writes it.
std::string describe(const PortKey& key);

/// A request whose ports are ports and whose address is an address.
struct PortRange {
  std::uint32_t protocol;
  std::string address;
  std::uint16_t host_port;  // 0: any that is free, and as many after it
  std::uint16_t guest_port;
  std::uint16_t count;
  bool host_only = false;  // not for guests

  [[nodiscard]] PortKey key(std::uint16_t index) const {
    return {protocol, address, static_cast<std::uint16_t>(host_port + index)};
  }
};

/// `own_address` stands for an address that is not given. Fails with EINVAL.
Result<PortRange> parse_range(const fcvm_publish& wanted, const std::string& own_address);

/// Listening sockets are marked with it where the user may mark sockets: what is published is open
/// to other VMs, whose firewall tells it by that.
inline constexpr std::uint32_t kPublishedMark = 0xfc;

struct Listener {
  PortKey key;
  std::uint16_t guest_port;
  Fd socket;  // listening (TCP) or bound (UDP), non-blocking

  /// In the network namespace of the calling thread. Port 0 becomes one that is free.
  static Result<Listener> bind(PortKey key, std::uint16_t guest_port);
};

/// One for each port of the range, in its order.
Result<std::vector<Listener>> bind_range(const PortRange& range);

}  // namespace fcvm::net
