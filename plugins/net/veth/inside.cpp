// See inside.hpp.
#include "plugins/net/veth/inside.hpp"

namespace fcvm::net {

namespace {

constexpr std::uint8_t kFirstFree = 6;  // 10.0.2.1 to .5 are spoken for
constexpr std::uint8_t kFirstKept = 4;  // net.rootless has but one resolver
constexpr std::uint8_t kBroadcast = 255;

}  // namespace

base::IpAddress address(const char* text) { return base::IpAddress::parse(text).value(); }

base::IpPrefix prefix(const char* text) { return base::IpPrefix::parse(text).value(); }

base::IpAddress inside_resolver(int index) {
  base::IpAddress resolver = address(kInsideResolver);
  resolver.bytes[3] = static_cast<std::uint8_t>(resolver.bytes[3] + index);
  return resolver;
}

Result<base::IpPrefix> inside_ipv4(const base::IpPrefix& wanted, bool kept) {
  const base::IpPrefix network = prefix(kInsideNetwork);
  const std::uint8_t last = wanted.address.bytes[3];
  const bool whole = wanted.length == network.length || wanted.length == 32;
  const bool free = last >= (kept ? kFirstKept : kFirstFree) && last != kBroadcast;
  if (network.contains(wanted.address) && whole && free) {
    return base::IpPrefix{wanted.address, network.length};
  }
  return fail(EINVAL,
              "a guest cannot have the address " + wanted.to_string() +
                  ": inside, it is one from 10.0.2.6 to 10.0.2.254",
              "choose one of these, or none");
}

Result<base::IpPrefix> inside_ipv6(const base::IpPrefix& wanted) {
  const base::IpAddress& given = wanted.address;
  const bool usable = !given.is_v4() && !given.is_loopback() && !given.is_link_local() &&
                      given.bytes[0] != 0xff && given.bytes[0] != 0;
  if (!usable || given == address(kInsideGateway6)) {
    return fail(EINVAL, "a guest cannot have the address " + wanted.to_string(),
                "choose one of fd00::/64, such as fd00::100, or none");
  }
  const base::IpPrefix network = prefix(kInsideNetwork6);
  return base::IpPrefix{given, network.contains(given) ? network.length : std::uint8_t{128}};
}

const char* inside_gateway6(const base::IpPrefix& guest) {
  return prefix(kInsideNetwork6).contains(guest.address) ? kInsideGateway6 : kLinkLocalGateway;
}

}  // namespace fcvm::net
