// See plan.hpp.
#include "plugins/net/rootless/plan.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <utility>

#include <fcvm/sdk/sized.hpp>

#include "plugins/net/rootless/holder_protocol.hpp"

namespace fcvm::rootless {

namespace {

/// resolv.conf of a guest has room for three.
constexpr std::size_t kMostResolvers = 3;
constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint32_t kLeastMtu = 576;
constexpr std::uint32_t kLeastIpv6Mtu = 1280;  // RFC 8200

base::IpAddress address(const char* text) { return *base::IpAddress::parse(text); }

struct Pool {
  const char* guest;
  std::uint8_t prefix;
  std::vector<const char*> taken;
  const char* offered;
};

const Pool& pool(int family) {
  static const Pool v4{kGuestIpv4,
                       kPrefixIpv4,
                       {"10.0.2.0", kBridgeIpv4, kGatewayIpv4, kResolverIpv4, "10.0.2.255"},
                       "10.0.2.4 to 10.0.2.254"};
  static const Pool v6{kGuestIpv6,
                       kPrefixIpv6,
                       {"fd00::", kBridgeIpv6, kGatewayIpv6, kResolverIpv6},
                       "fd00::4 and above, within fd00::/64"};
  return family == AF_INET ? v4 : v6;
}

Result<base::IpPrefix> choose_address(int family, const char* wanted) {
  const Pool& from = pool(family);
  const base::IpPrefix usual{address(from.guest), from.prefix};
  if (wanted == nullptr || *wanted == '\0') return usual;
  const auto given = FCVM_TRY(base::IpPrefix::parse(wanted));
  const bool taken = std::any_of(from.taken.begin(), from.taken.end(),
                                 [&](const char* one) { return given.address == address(one); });
  const bool whole = given.length == given.address.size() * 8;
  if (usual.contains(given.address) && !taken && (whole || given.length == from.prefix)) {
    return base::IpPrefix{given.address, from.prefix};
  }
  return fail(
      EINVAL,
      "giving the guest the address " + std::string(wanted) + ": a rootless network has " +
          from.offered + " to give",
      std::string("choose one of these, such as ") + from.guest + ", or another network mode");
}

Result<base::MacAddress> choose_mac(const char* wanted) {
  if (wanted == nullptr || *wanted == '\0') return base::MacAddress::random();
  const auto mac = FCVM_TRY(base::MacAddress::parse(wanted));
  if (!mac.is_unicast()) {
    return fail(EINVAL, "giving the guest the MAC " + mac.to_string() + ": it is not one machine's",
                "choose one whose first byte is even, such as 02:00:00:00:00:01");
  }
  if (mac == *base::MacAddress::parse(kBridgeMac) || mac == *base::MacAddress::parse(kGatewayMac)) {
    return fail(EINVAL, "giving the guest the MAC " + mac.to_string() + ": its gateway has it",
                "choose another one");
  }
  return mac;
}

Result<std::uint32_t> choose_mtu(std::uint32_t wanted, bool ipv6) {
  const std::uint32_t least = ipv6 ? kLeastIpv6Mtu : kLeastMtu;
  if (wanted == 0) return kDefaultMtu;
  if (wanted >= least && wanted <= kDefaultMtu) return wanted;
  return fail(ERANGE,
              "giving the network an MTU of " + std::to_string(wanted) + ": it may be " +
                  std::to_string(least) + " to " + std::to_string(kDefaultMtu),
              "leave --mtu out for " + std::to_string(kDefaultMtu));
}

/// What the guest asks in place of a resolver that the user named.
Result<std::string> reachable_resolver(const char* wanted, const Plan& plan) {
  const auto server = FCVM_TRY(base::IpAddress::parse(wanted) | context("reading --dns"));
  if (!server.is_loopback()) return server.to_string();
  const bool plain = server == address("127.0.0.1") || server == address("::1");
  const bool carried = server.is_v4() || plan.carries_ipv6;
  if (plain && carried) {
    return std::string(server.is_v4() ? kGatewayIpv4 : kGatewayIpv6);
  }
  return fail(EINVAL,
              "using the resolver " + server.to_string() +
                  ": the guest does not reach this "
                  "address of the host",
              "leave --dns out: the host's own resolver is then asked in the guest's place");
}

/// The host's resolvers, as the guest reaches them: the first one of each family through pasta,
/// which asks for the guest, so that it may be a stub on the host's loopback; the others directly.
std::vector<std::string> usual_resolvers(const Plan& plan, bool forwards_tcp) {
  std::vector<std::string> dns;
  bool first[2] = {true, true};
  for (const auto& server : plan.host.resolvers) {
    if (!server.is_v4() && !plan.carries_ipv6) continue;
    const bool is_first = std::exchange(first[server.is_v4() ? 0 : 1], false);
    const bool forwarded = is_first && (forwards_tcp || server.is_loopback());
    if (forwarded) {
      dns.emplace_back(server.is_v4() ? kResolverIpv4 : kResolverIpv6);
    } else if (!server.is_loopback() && !server.is_link_local()) {
      dns.push_back(server.to_string());
    }
  }
  return dns;
}

Result<std::vector<std::string>> choose_resolvers(const fcvm_net_request& request, const Plan& plan,
                                                  bool forwards_tcp) {
  std::vector<std::string> dns;
  for (std::uint32_t i = 0; i < request.dns_count; ++i) {
    dns.push_back(FCVM_TRY(reachable_resolver(request.dns[i], plan)));
  }
  if (dns.empty()) dns = usual_resolvers(plan, forwards_tcp);
  if (dns.size() > kMostResolvers) dns.resize(kMostResolvers);
  return dns;
}

/// The gateways stand for the host's loopback, and lead there only where that was asked for.
void open_loopback(Plan& plan, const net::AskedOpenings& asked) {
  std::vector<const char*> gateways = {kGatewayIpv4};
  if (plan.carries_ipv6) gateways.push_back(kGatewayIpv6);
  auto spans = asked.of_loopback;
  if (asked.loopback) spans.emplace_back();
  for (const char* gateway : gateways) {
    for (const auto& span : spans) plan.filter.openings.push_back({address(gateway), span});
  }
}

/// Questions, and nothing else, reach a resolver wherever it is.
void open_resolvers(Plan& plan, bool forwards_tcp) {
  for (const std::string& server : plan.dns) {
    const bool forwarded = server == kResolverIpv4 || server == kResolverIpv6;
    if (!forwarded || forwards_tcp) {
      net::open_port(plan.filter.openings, address(server.c_str()), kDnsPort);
    } else {
      plan.filter.openings.push_back({address(server.c_str()), {IPPROTO_UDP, kDnsPort, kDnsPort}});
    }
  }
}

/// What this VM publishes on addresses of the host is for everybody, the VM included.
void open_published(net::TapPolicy& filter, const fcvm_net_request& request) {
  for (const auto& port : sized_elements(request.publish, request.publish_count)) {
    if (port.address == nullptr) continue;
    const std::uint32_t last = port.host_port + std::max<std::uint32_t>(port.count, 1) - 1;
    filter.host_ports.push_back({static_cast<std::uint8_t>(port.protocol), port.host_port,
                                 static_cast<std::uint16_t>(std::min(last, 65535U))});
  }
}

bool leads_to_loopback(const net::Opening& opening) {
  return opening.address == address(kGatewayIpv4) || opening.address == address(kGatewayIpv6);
}

Result<void> choose_filter(Plan& plan, const fcvm_net_request& request, bool forwards_tcp) {
  const auto asked = FCVM_TRY(net::AskedOpenings::read(request));
  net::TapPolicy& filter = plan.filter = closed_filter();
  open_loopback(plan, asked);
  open_resolvers(plan, forwards_tcp);
  filter.openings.insert(filter.openings.end(), asked.elsewhere.begin(), asked.elsewhere.end());
  filter.link_local = asked.link_local;
  filter.host_addresses = asked.host_addresses;
  filter.host_ports = asked.of_host;
  open_published(filter, request);
  filter.bytes_per_second = request.rate_out;
  plan.rate_in = request.rate_in;
  plan.names_gateway = asked.reaches_loopback();
  plan.maps_gateway =
      std::any_of(filter.openings.begin(), filter.openings.end(), leads_to_loopback);
  return {};
}

bool is_given(const char* text) { return text != nullptr && *text != '\0'; }

}  // namespace

net::TapPolicy closed_filter() {
  net::TapPolicy filter;
  filter.link = kTap;
  filter.own = {address(kBridgeIpv4), address(kBridgeIpv6)};
  filter.inside = {{address(kGuestIpv4), kPrefixIpv4}, {address(kGuestIpv6), kPrefixIpv6}};
  return filter;
}

Result<Plan> make_plan(const fcvm_net_request& request, const HostNetwork& host,
                       bool forwards_tcp_dns) {
  const bool again = (request.flags & FCVM_NET_REATTACH) != 0;
  if (again && (!is_given(request.mac) || !is_given(request.ipv4))) {
    return fail(EINVAL, "attaching a restored guest: its MAC or its IPv4 address is not given");
  }
  Plan plan;
  plan.host = host;
  plan.guest_mac = FCVM_TRY(choose_mac(request.mac));
  plan.guest_ipv4 = FCVM_TRY(choose_address(AF_INET, request.ipv4));
  const bool wants_ipv6 = (request.flags & FCVM_NET_WANT_IPV6) != 0 && host.has_ipv6;
  // A restored guest has what it has, and gets no other.
  if (is_given(request.ipv6) || (wants_ipv6 && !again)) {
    plan.guest_ipv6 = FCVM_TRY(choose_address(AF_INET6, request.ipv6));
  }
  plan.carries_ipv6 = plan.guest_ipv6 && host.has_ipv6;
  plan.mtu = FCVM_TRY(choose_mtu(request.mtu, plan.guest_ipv6.has_value()));
  plan.dns = FCVM_TRY(choose_resolvers(request, plan, forwards_tcp_dns));
  FCVM_TRY(choose_filter(plan, request, forwards_tcp_dns));
  return plan;
}

}  // namespace fcvm::rootless
