// See wiring.hpp.
#include "plugins/net/veth/wiring.hpp"

#include <linux/ip.h>

#include "plugins/net/veth/inside.hpp"
#include "plugins/net/veth/kernel_setting.hpp"

namespace fcvm::net {

namespace {

using base::IpPrefix;
using base::LinkChange;
using base::NetworkChange;
using base::Route;
using base::Rtnetlink;

constexpr const char* kOuterLinkLocal = "fe80::1/64";
constexpr const char* kInnerLinkLocal = "fe80::2/64";
/// The alias of a link that nobody needs any more.
constexpr const char* kReleased = "fcvm: released";
/// A guest remembers its gateway's MAC, and its clones do.
constexpr base::MacAddress kTapMac{{0x02, 0xfc, 0x00, 0x00, 0x00, 0x02}};

LinkChange up() {
  LinkChange change;
  change.up = true;
  return change;
}

Route by_gateway(const IpPrefix& destination, unsigned link, const base::IpAddress& gateway) {
  Route route;
  route.destination = destination;
  route.link = link;
  route.gateway = gateway;
  return route;
}

Route direct(const base::IpAddress& destination, unsigned link) {
  Route route;
  route.destination = IpPrefix::host(destination);
  route.link = link;
  return route;
}

std::string alias_of(const std::string& vm_id) { return "fcvm VM " + vm_id; }

/// Before there are links: they inherit it.
Result<void> set_inside_defaults(bool ipv6) {
  if (!has_setting("ipv6/conf/default/disable_ipv6")) return {};
  FCVM_TRY(ensure_setting("ipv6/conf/default/disable_ipv6", ipv6 ? "0" : "1"));
  if (!ipv6) return {};
  FCVM_TRY(ensure_setting("ipv6/conf/default/accept_ra", "0"));
  return write_setting("ipv6/conf/all/forwarding", "1");
}

void add_tap(NetworkChange& change, const base::Link& tap, const Wires& wires) {
  LinkChange first;
  first.mac = kTapMac;
  first.mtu = wires.mtu;
  change.forbid_link_local(tap.index, tap.name);
  change.set_ipv4_setting(tap.index, tap.name, IPV4_DEVCONF_FORWARDING, 1);
  // The guest takes all of 10.0.2.0/24 for neighbours: whatever of it leads to the host is answered
  // for.
  change.set_ipv4_setting(tap.index, tap.name, IPV4_DEVCONF_PROXY_ARP, 1);
  change.set_link(tap.index, tap.name, first);
  change.set_link(tap.index, tap.name, up());
  change.add_address(tap.index, IpPrefix::host(address(kInsideOwn)));
  // Without the host's loopback behind it the gateway is nobody but ourselves.
  if (!wires.gateway_is_host) {
    change.add_address(tap.index, IpPrefix::host(address(kInsideGateway)));
  }
  if (wires.rate_in != 0) {
    change.limit_rate(tap.index, tap.name, wires.rate_in, burst_of_rate(wires.rate_in));
  }
  change.add_route(direct(wires.guest4, tap.index));
  if (!wires.ipv6) return;
  change.add_address(tap.index, prefix("fe80::1/64"));
  change.add_address(tap.index, IpPrefix::host(address(kInsideGateway6)));
  change.add_route(direct(wires.ipv6->inside, tap.index));
}

void add_inner_link(NetworkChange& change, const base::Link& inner, const Wires& wires) {
  change.forbid_link_local(inner.index, inner.name);
  change.set_ipv4_setting(inner.index, inner.name, IPV4_DEVCONF_FORWARDING, 1);
  change.set_link(inner.index, inner.name, up());
  change.add_address(inner.index, wires.pair.vm);
  change.add_route(by_gateway(IpPrefix::any(AF_INET), inner.index, wires.pair.host.address));
  if (!wires.ipv6) return;
  change.add_address(inner.index, prefix(kInnerLinkLocal));
  change.add_route(
      by_gateway(IpPrefix::any(AF_INET6), inner.index, prefix(kOuterLinkLocal).address));
}

Result<void> wire_inside(const Wires& wires) {
  Rtnetlink kernel = FCVM_TRY(Rtnetlink::open());
  const auto tap = FCVM_TRY(kernel.link(kTap));
  const auto inner = FCVM_TRY(kernel.link(kInnerLink));
  const auto loopback = FCVM_TRY(kernel.link("lo"));
  NetworkChange change;
  change.set_link(loopback.index, loopback.name, up());
  add_inner_link(change, inner, wires);
  add_tap(change, tap, wires);
  FCVM_TRY(kernel.apply(change));
  return write_setting(std::string("ipv4/neigh/") + kTap + "/proxy_delay", "0");
}

/// All of it is the link's own, and goes with it.
Result<void> set_outer_ipv6(const std::string& link) {
  const std::string settings = "ipv6/conf/" + link + "/";
  FCVM_TRY(ensure_setting(settings + "disable_ipv6", "0"));
  FCVM_TRY(ensure_setting(settings + "accept_ra", "0"));
  // Where the kernel has it, else the host as a whole has to forward: see host_settings.hpp.
  const std::string by_itself = settings + "force_forwarding";
  return has_setting(by_itself) ? ensure_setting(by_itself, "1") : Result<void>();
}

Result<void> wire_outside(const Wires& wires, Rtnetlink& kernel) {
  const auto outer = FCVM_TRY(kernel.link(wires.link));
  if (wires.ipv6) FCVM_TRY(set_outer_ipv6(wires.link));
  LinkChange change = up();
  change.alias = alias_of(wires.vm_id);
  NetworkChange changes;
  changes.forbid_link_local(outer.index, outer.name);
  changes.set_ipv4_setting(outer.index, outer.name, IPV4_DEVCONF_FORWARDING, 1);
  // What a guest sends to its gateway becomes a packet to 127.0.0.1. It cannot send such a packet
  // itself: its namespace drops it, and so does the host's table.
  if (wires.routes_to_loopback) {
    changes.set_ipv4_setting(outer.index, outer.name, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
  }
  changes.set_link(outer.index, outer.name, change);
  changes.add_address(outer.index, wires.pair.host);
  if (wires.ipv6) {
    changes.add_address(outer.index, prefix(kOuterLinkLocal));
    changes.add_route(by_gateway(IpPrefix::host(wires.ipv6->outside), outer.index,
                                 prefix(kInnerLinkLocal).address));
  }
  return kernel.apply(changes);
}

Result<void> add_pair(const Wires& wires, Rtnetlink& host, const base::Namespace& inside) {
  base::NewLink outer;
  outer.name = wires.link;
  outer.mtu = wires.mtu;
  base::VethPeer inner;
  inner.link.name = kInnerLink;
  inner.link.mtu = wires.mtu;
  inner.namespace_fd = inside.fd();
  NetworkChange change;
  change.add_veth(outer, inner);
  return host.apply(change);
}

/// What somebody deleted meanwhile is fine.
Result<void> unless_gone(Result<void> done) {
  const int code = done ? 0 : done.error().code();
  return code == ENODEV || code == EADDRNOTAVAIL ? Result<void>() : std::move(done);
}

/// Whoever had the address before may not have got round to it.
Result<void> join(const Wires& wires, Rtnetlink& host, const base::Namespace& inside) {
  auto joined = add_pair(wires, host, inside);
  if (joined || joined.error().code() != EEXIST) return joined;
  FCVM_TRY(delete_released(wires.link, host));
  return add_pair(wires, host, inside);
}

}  // namespace

Result<void> wire(const Wires& wires, Rtnetlink& host, const base::Namespace& inside) {
  const auto make_inside = [&]() -> Result<void> {
    FCVM_TRY(set_inside_defaults(wires.ipv6.has_value()));
    const Fd tap = FCVM_TRY(base::open_tap(kTap, true));
    FCVM_TRY(join(wires, host, inside));
    return wire_inside(wires);
  };
  FCVM_TRY(base::in_namespace(inside, make_inside));
  return wire_outside(wires, host);
}

Result<void> unwire(const Wires& wires, base::Rtnetlink& host) {
  const auto found = FCVM_TRY(host.find_link(wires.link));
  if (!found) return {};
  LinkChange released;
  released.up = false;
  released.alias = kReleased;
  NetworkChange change;
  change.set_link(found->index, wires.link, released);
  change.delete_address(found->index, wires.pair.host);
  return unless_gone(host.apply(change));
}

Result<void> delete_released(const std::string& link, base::Rtnetlink& host) {
  const auto found = FCVM_TRY(host.find_link(link));
  if (!found || found->alias != kReleased) return {};
  NetworkChange change;
  change.delete_link(found->index, link);
  return unless_gone(host.apply(change));
}

Result<void> delete_link_of_dead(const std::string& vm_id, base::Rtnetlink& host) {
  NetworkChange change;
  for (const auto& link : FCVM_TRY(host.links())) {
    if (link.alias == alias_of(vm_id)) change.delete_link(link.index, link.name);
  }
  return unless_gone(host.apply(change));
}

}  // namespace fcvm::net
