// See wiring.hpp.
#include "plugins/net/veth/wiring.hpp"

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

/// Before there are links: they inherit it.
Result<void> set_inside_defaults(bool ipv6) {
  FCVM_TRY(write_setting("ipv4/ip_forward", "1"));
  if (!has_setting("ipv6/conf/default/disable_ipv6")) return {};
  FCVM_TRY(write_setting("ipv6/conf/default/disable_ipv6", ipv6 ? "0" : "1"));
  if (!ipv6) return {};
  FCVM_TRY(write_setting("ipv6/conf/default/accept_dad", "0"));
  FCVM_TRY(write_setting("ipv6/conf/default/accept_ra", "0"));
  return write_setting("ipv6/conf/all/forwarding", "1");
}

/// The guest takes all of 10.0.2.0/24 for neighbours: whatever of it leads to the host is answered
/// for, at once.
Result<void> answer_for_neighbours() {
  const std::string tap = kTap;
  FCVM_TRY(write_setting("ipv4/conf/" + tap + "/proxy_arp", "1"));
  return write_setting("ipv4/neigh/" + tap + "/proxy_delay", "0");
}

void add_tap(NetworkChange& change, const base::Link& tap, const Wires& wires) {
  LinkChange first;
  first.mac = kTapMac;
  first.mtu = wires.mtu;
  change.forbid_link_local(tap.index, tap.name);
  change.set_link(tap.index, tap.name, first);
  change.set_link(tap.index, tap.name, up());
  change.add_address(tap.index, IpPrefix::host(address(kInsideOwn)));
  // Without the host's loopback behind it the gateway is nobody but ourselves.
  if (!wires.host_loopback) {
    change.add_address(tap.index, IpPrefix::host(address(kInsideGateway)));
  }
  change.add_route(direct(wires.guest4, tap.index));
  if (!wires.ipv6) return;
  change.add_address(tap.index, prefix("fe80::1/64"));
  change.add_address(tap.index, IpPrefix::host(address(kInsideGateway6)));
  change.add_route(direct(wires.ipv6->inside, tap.index));
}

void add_inner_link(NetworkChange& change, const base::Link& inner, const Wires& wires) {
  change.forbid_link_local(inner.index, inner.name);
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
  return answer_for_neighbours();
}

/// All of it is the link's own, and goes with it.
Result<void> set_outer_link(const std::string& link, bool ipv6) {
  FCVM_TRY(write_setting("ipv4/conf/" + link + "/forwarding", "1"));
  // What a guest sends to its gateway becomes a packet to 127.0.0.1. It cannot send such a packet
  // itself: its namespace drops it.
  FCVM_TRY(write_setting("ipv4/conf/" + link + "/route_localnet", "1"));
  if (!ipv6) return {};
  FCVM_TRY(write_setting("ipv6/conf/" + link + "/disable_ipv6", "0"));
  FCVM_TRY(write_setting("ipv6/conf/" + link + "/accept_ra", "0"));
  FCVM_TRY(write_setting("ipv6/conf/" + link + "/accept_dad", "0"));
  FCVM_TRY(write_setting("ipv6/conf/" + link + "/forwarding", "1"));
  // Where the kernel has it, else the host as a whole has to forward: see host_settings.hpp.
  const std::string by_itself = "ipv6/conf/" + link + "/force_forwarding";
  return has_setting(by_itself) ? write_setting(by_itself, "1") : Result<void>();
}

Result<void> wire_outside(const Wires& wires, Rtnetlink& kernel) {
  const auto outer = FCVM_TRY(kernel.link(wires.link));
  FCVM_TRY(set_outer_link(wires.link, wires.ipv6.has_value()));
  LinkChange change = up();
  change.alias = "fcvm VM " + wires.vm_id;
  NetworkChange changes;
  changes.forbid_link_local(outer.index, outer.name);
  changes.set_link(outer.index, outer.name, change);
  changes.add_address(outer.index, wires.pair.host);
  if (wires.ipv6) {
    changes.add_address(outer.index, prefix(kOuterLinkLocal));
    changes.add_route(by_gateway(IpPrefix::host(wires.ipv6->outside), outer.index,
                                 prefix(kInnerLinkLocal).address));
  }
  return kernel.apply(changes);
}

Result<void> join(const Wires& wires, Rtnetlink& host, const base::Namespace& inside) {
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

Result<void> unwire(const std::string& link, base::Rtnetlink& host, const base::Namespace* inside) {
  const auto found = FCVM_TRY(host.find_link(link));
  if (!found) return {};
  if (inside != nullptr) {
    LinkChange away;
    away.namespace_fd = inside->fd();
    NetworkChange change;
    change.set_link(found->index, link, away);
    if (host.apply(change)) return {};
  }
  NetworkChange change;
  change.delete_link(found->index, link);
  auto done = host.apply(change);
  if (!done && done.error().code() == ENODEV) return {};  // its namespace went meanwhile
  return done;
}

}  // namespace fcvm::net
