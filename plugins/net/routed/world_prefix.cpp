// See world_prefix.hpp.
#include "plugins/net/routed/world_prefix.hpp"

#include <algorithm>
#include <optional>

#include "core/base/io/file.hpp"
#include "plugins/net/veth/address_pool.hpp"

namespace fcvm::net {

namespace {

constexpr std::uint8_t kUsualLength = 64;
constexpr std::uint8_t kLongestPrefix = 120;
constexpr unsigned kLeaseBits = 62;  // a lock's place in its file is a signed number
constexpr int kTries = 4096;
constexpr const char* kLeaseFile = "/ipv6";

/// Neither loopback, nor of a link, nor multicast: those of private networks (fd00::/8) count, if
/// the host has no others.
bool of_the_world(const base::IpAddress& address) {
  return !address.is_v4() && !address.is_loopback() && !address.is_link_local() &&
         address.bytes[0] != 0xff;
}
bool is_private(const base::IpAddress& address) { return (address.bytes[0] & 0xfeU) == 0xfc; }

bool on_link(const HostNetwork& host, const base::IpPrefix& network, unsigned link) {
  return std::any_of(host.routes().begin(), host.routes().end(), [&](const base::Route& route) {
    return route.link == link && !route.gateway && route.destination == network;
  });
}

/// The /64 that this address of the host stands for.
std::optional<base::IpPrefix> network_of(const HostNetwork& host, const base::LinkAddress& own) {
  const auto network = base::IpPrefix{own.prefix.address, kUsualLength}.network();
  if (own.prefix.length == kUsualLength) return network;
  if (own.prefix.length == 128 && on_link(host, network, own.link)) return network;
  return std::nullopt;
}

/// The lower is the better.
int rank(const HostNetwork& host, const base::LinkAddress& own) {
  const auto uplink = host.default_link(AF_INET6);
  return (is_private(own.prefix.address) ? 2 : 0) + (uplink && uplink->index == own.link ? 0 : 1);
}

void set_bits(base::IpAddress& address, std::uint8_t prefix_length, std::uint64_t value) {
  for (unsigned bit = 0; bit < 128U - prefix_length && bit < 64; ++bit) {
    const unsigned byte = 15 - bit / 8;
    const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
    const bool one = ((value >> bit) & 1U) != 0;
    address.bytes[byte] =
        static_cast<std::uint8_t>(one ? address.bytes[byte] | mask : address.bytes[byte] & ~mask);
  }
}

/// The last 62 bits of an address, of which there can be no two equal ones in a /66 or smaller
/// network, and hardly in a larger one: then a free address is not given out, and no harm done.
std::uint64_t lease_number(const base::IpAddress& address) {
  std::uint64_t number = 0;
  for (int i = 8; i < 16; ++i) number = number << 8U | address.bytes[static_cast<std::size_t>(i)];
  return number & ((std::uint64_t{1} << kLeaseBits) - 1);
}

/// Two hosts in one /64 must not choose the same addresses for VMs of the same id.
std::string host_name_for_spreading() {
  const auto id = base::read_file("/etc/machine-id");
  return id ? *id : "";
}

bool is_network_address(const WorldPrefix& world, const base::IpAddress& address) {
  return address == world.prefix.network().address;  // the routers' anycast address
}

Result<std::optional<WorldAddress>> try_take(const base::IpAddress& address,
                                             const HostNetwork& host,
                                             const std::string& directory) {
  const bool routed = std::any_of(
      host.routes().begin(), host.routes().end(),
      [&](const auto& route) { return route.destination == base::IpPrefix::host(address); });
  if (routed || host.has_address(address)) return std::optional<WorldAddress>();
  const std::string file = directory + kLeaseFile;
  auto lease = FCVM_TRY(Lease::try_take(file, lease_number(address)));
  if (!lease) return std::optional<WorldAddress>();
  return std::optional(WorldAddress{address, file, *std::move(lease)});
}

Result<WorldAddress> take_wanted(const WorldPrefix& world, const base::IpAddress& wanted,
                                 const HostNetwork& host, const std::string& directory) {
  if (!world.prefix.contains(wanted) || is_network_address(world, wanted)) {
    return fail(EINVAL,
                "the address " + wanted.to_string() + " is not a machine's of " +
                    world.prefix.network().to_string(),
                "choose one of that network, or give another with --ipv6-prefix");
  }
  auto taken = FCVM_TRY(try_take(wanted, host, directory));
  if (taken) return *std::move(taken);
  return fail(EADDRINUSE,
              "the address " + wanted.to_string() + " is taken by the host or another VM",
              "choose another, or none");
}

}  // namespace

Result<WorldPrefix> WorldPrefix::of_user(const std::string& text, const HostNetwork& host) {
  const std::string example = "write it as 2001:db8:1::/64";
  const auto prefix = base::IpPrefix::parse(text);
  if (!prefix || prefix->address.is_v4() || text.find('/') == std::string::npos ||
      !of_the_world(prefix->address)) {
    return fail(EINVAL, "\"" + text + "\" is not an IPv6 prefix", example);
  }
  if (prefix->length > kLongestPrefix) {
    return fail(EINVAL,
                "the IPv6 prefix " + text + " is too long: /" + std::to_string(kLongestPrefix) +
                    " at most, so that VMs find room in it",
                example);
  }
  if (prefix->length < 16)
    return fail(EINVAL, "the IPv6 prefix " + text + " is too short", example);
  const auto uplink = host.default_link(AF_INET6);
  return WorldPrefix{prefix->network(), uplink ? uplink->name : "", true};
}

Result<WorldPrefix> WorldPrefix::of_host(const HostNetwork& host) {
  std::optional<WorldPrefix> best;
  int best_rank = 0;
  for (const auto& own : host.addresses()) {
    if (!of_the_world(own.prefix.address)) continue;
    const auto network = network_of(host, own);
    const auto* link = host.link(own.link);
    if (!network || link == nullptr || link->name.rfind(kLinkPrefix, 0) == 0) continue;
    if (best && rank(host, own) >= best_rank) continue;
    best = WorldPrefix{*network, link->name, false};
    best_rank = rank(host, own);
  }
  if (best) return *std::move(best);
  return fail(EADDRNOTAVAIL,
              "this host has no IPv6 network for VMs: no interface has an address of a /64, nor a "
              "/128 whose /64 is on the link",
              "give a prefix that is routed to this host with --ipv6-prefix, or use --network "
              "bridged");
}

Result<WorldAddress> take_address(const WorldPrefix& world, const Request& request,
                                  const HostNetwork& host, const std::string& directory) {
  if (request.ipv6 && !request.reattach) {
    return take_wanted(world, request.ipv6->address, host, directory);
  }
  const std::string seed = host_name_for_spreading() + request.vm_id;
  for (int i = 0; i < kTries; ++i) {
    base::IpAddress address = world.prefix.network().address;
    set_bits(address, world.prefix.length, spread(seed) + static_cast<std::uint64_t>(i));
    if (is_network_address(world, address)) continue;
    auto taken = FCVM_TRY(try_take(address, host, directory));
    if (taken) return *std::move(taken);
  }
  return fail(ENOSPC, "no free address was found in " + world.prefix.to_string(),
              "stop a VM, or give a larger --ipv6-prefix");
}

}  // namespace fcvm::net
