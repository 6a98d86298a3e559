// Addresses inside a VM's network, the same for every VM and in every network mode, so that a
// snapshot taken in one can be restored in another:
//
//   10.0.2.100   the guest, or what was asked for
//   10.0.2.1     our end of the tap, from which guest ports are dialled
//   10.0.2.2     the gateway, and the host's loopback
//   10.0.2.3-5   the host's resolvers, in order
//   fd00::100    the guest, unless it has an address of the world; fd00::2 or fe80::1 the gateway
#pragma once

#include <optional>
#include <string>

#include <fcvm/net.h>
#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"

namespace fcvm::net {

inline constexpr const char* kTap = "tap0";
inline constexpr const char* kInsideNetwork = "10.0.2.0/24";
inline constexpr const char* kInsideGuest = "10.0.2.100/24";
inline constexpr const char* kInsideOwn = "10.0.2.1";
inline constexpr const char* kInsideGateway = "10.0.2.2";
/// Their last byte counts on: 10.0.2.4, 10.0.2.5.
inline constexpr const char* kInsideResolver = "10.0.2.3";
inline constexpr int kMostResolvers = 3;
inline constexpr const char* kInsideNetwork6 = "fd00::/64";
inline constexpr const char* kInsideGuest6 = "fd00::100/64";
inline constexpr const char* kInsideGateway6 = "fd00::2";
inline constexpr const char* kLinkLocalGateway = "fe80::1";

/// A constant that is known to be well-formed.
base::IpAddress address(const char* text);
base::IpPrefix prefix(const char* text);

/// Resolver 0, 1 or 2 as the guest knows it.
base::IpAddress inside_resolver(int index);

/// The guest's IPv4 address inside, of what a request may contain. EINVAL when it cannot have that.
/// One that is kept may be a resolver's here: it goes before that.
Result<base::IpPrefix> inside_ipv4(const base::IpPrefix& wanted, bool kept);
/// Likewise; one that is not of fd00::/64 becomes a /128, since its network is not on the tap.
Result<base::IpPrefix> inside_ipv6(const base::IpPrefix& wanted);

/// The gateway for a guest with this address.
const char* inside_gateway6(const base::IpPrefix& guest);

}  // namespace fcvm::net
