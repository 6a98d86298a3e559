// Plan: what one attachment will be, decided before anything is made. All addresses of rootless
// networks are in this file: every VM has the same ones, in a namespace of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/net.h>
#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"
#include "plugins/net/common/tap_filter.hpp"
#include "plugins/net/rootless/host_network.hpp"

namespace fcvm::rootless {

constexpr const char* kGuestIpv4 = "10.0.2.100";
constexpr const char* kBridgeIpv4 = "10.0.2.1";
constexpr const char* kGatewayIpv4 = "10.0.2.2";
constexpr const char* kResolverIpv4 = "10.0.2.3";
constexpr const char* kGuestIpv6 = "fd00::100";
constexpr const char* kBridgeIpv6 = "fd00::1";
constexpr const char* kGatewayIpv6 = "fd00::2";
constexpr const char* kResolverIpv6 = "fd00::3";
constexpr std::uint8_t kPrefixIpv4 = 24;
constexpr std::uint8_t kPrefixIpv6 = 64;
/// Pinned, so that a guest that is restored elsewhere finds its neighbours where they were.
constexpr const char* kBridgeMac = "02:fc:00:00:02:01";
constexpr const char* kGatewayMac = "02:fc:00:00:02:02";
/// The longest that pasta carries: there is no wire on which longer packets would be lost.
constexpr std::uint32_t kDefaultMtu = 65520;

struct Plan {
  base::MacAddress guest_mac;
  base::IpPrefix guest_ipv4;
  std::optional<base::IpPrefix> guest_ipv6;
  std::uint32_t mtu = kDefaultMtu;
  /// Whether pasta takes what is sent to the gateway to the host's loopback: the filter then says
  /// how much of that is let through.
  bool maps_gateway = false;
  bool names_gateway = false;  // the guest is told of it
  net::TapPolicy filter;
  std::uint64_t rate_in = 0;  // bytes per second towards the guest; 0: no limit
  /// Whether pasta carries IPv6: a guest may have an address from elsewhere on a host without.
  bool carries_ipv6 = false;
  std::vector<std::string> dns;  // what the guest is told to ask
  HostNetwork host;
};

/// The filter at the tap with nothing open.
net::TapPolicy closed_filter();

/// `forwards_tcp_dns`: whether pasta forwards questions by TCP, too. Fails with EINVAL for what
/// this network cannot give, and says what it can.
Result<Plan> make_plan(const fcvm_net_request& request, const HostNetwork& host,
                       bool forwards_tcp_dns);

}  // namespace fcvm::rootless
