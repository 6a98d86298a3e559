// See request.hpp.
#include "plugins/net/veth/request.hpp"

#include <algorithm>
#include <cctype>

#include <fcvm/sdk/sized.hpp>

namespace fcvm::net {

namespace {

constexpr std::uint32_t kSmallestMtu = 576;
constexpr std::uint32_t kSmallestMtu6 = 1280;
constexpr std::uint32_t kLargestMtu = 65535;
constexpr std::size_t kLongestId = 40;

/// It becomes part of the name of a table.
Result<std::string> read_id(const char* text) {
  const std::string id = text == nullptr ? "" : text;
  const bool plain = std::all_of(id.begin(), id.end(), [](unsigned char letter) {
    return std::isalnum(letter) != 0 || letter == '-' || letter == '_';
  });
  if (!id.empty() && id.size() <= kLongestId && plain) return id;
  return fail(EINVAL,
              "\"" + id + "\" cannot be the id of a VM: letters, digits, - and _, 40 at most");
}

Result<base::MacAddress> read_mac(const char* text) {
  if (text == nullptr) return base::MacAddress::random();
  const auto mac = FCVM_TRY(base::MacAddress::parse(text));
  if (mac.is_unicast()) return mac;
  return fail(EINVAL, std::string("the MAC address ") + text + " is not one machine's",
              "use one whose first byte is even, such as 02:00:00:00:00:01");
}

Result<std::optional<base::IpPrefix>> read_address(const char* text, int family) {
  if (text == nullptr) return std::optional<base::IpPrefix>();
  auto parsed = base::IpPrefix::parse(text);
  if (parsed && parsed->address.family == family) return std::optional(*parsed);
  return fail(EINVAL,
              std::string("\"") + text + "\" is not an " + (family == AF_INET ? "IPv4" : "IPv6") +
                  " address",
              family == AF_INET ? "write it as 10.0.2.50" : "write it as fd00::50");
}

Result<std::uint32_t> read_mtu(std::uint32_t mtu, bool ipv6) {
  const std::uint32_t smallest = ipv6 ? kSmallestMtu6 : kSmallestMtu;
  if (mtu == 0 || (mtu >= smallest && mtu <= kLargestMtu)) return mtu;
  return fail(ERANGE, "an MTU of " + std::to_string(mtu) + " is impossible",
              "choose one from " + std::to_string(smallest) + " to " + std::to_string(kLargestMtu));
}

}  // namespace

Result<Request> Request::read(const fcvm_net_request& from) {
  Request request;
  request.want_ipv6 = (from.flags & FCVM_NET_WANT_IPV6) != 0;
  request.open = FCVM_TRY(AskedOpenings::read(from));
  request.rate_in = from.rate_in;
  request.rate_out = from.rate_out;
  request.reattach = (from.flags & FCVM_NET_REATTACH) != 0;
  request.vm_id = FCVM_TRY(read_id(from.vm_id));
  request.mac = FCVM_TRY(read_mac(from.mac));
  request.ipv4 = FCVM_TRY(read_address(from.ipv4, AF_INET));
  request.ipv6 = FCVM_TRY(read_address(from.ipv6, AF_INET6));
  if (request.reattach && !request.ipv4) {
    return fail(EINVAL, "attaching a network again takes the IPv4 address that the guest has");
  }
  request.mtu = FCVM_TRY(read_mtu(from.mtu, request.ipv6.has_value()));
  for (std::uint32_t i = 0; i < from.dns_count; ++i) {
    request.dns.push_back(FCVM_TRY(base::IpAddress::parse(from.dns[i]) |
                                   context(std::string("the resolver ") + from.dns[i])));
  }
  request.ipv6_prefix = from.ipv6_prefix == nullptr ? "" : from.ipv6_prefix;
  request.publish = sized_elements(from.publish, from.publish_count);
  return request;
}

}  // namespace fcvm::net
