// See bridge.hpp.
#include "plugins/net/rootless/holder/bridge.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include "plugins/net/common/tap_filter.hpp"

namespace fcvm::rootless {

namespace {

// A new namespace has nothing but its loopback, so an index can be chosen.
constexpr unsigned kLoopbackIndex = 1;
constexpr unsigned kBridgeIndex = 100;

base::LinkChange raised() {
  base::LinkChange change;
  change.up = true;
  return change;
}

base::LinkChange port(std::uint32_t mtu) {
  base::LinkChange change = raised();
  change.mtu = mtu;
  change.master = kBridgeIndex;
  return change;
}

/// Where IPv6 was left out of the kernel, or off at boot, a link has no IPv6 settings to change.
bool kernel_has_ipv6() { return ::access("/proc/self/net/if_inet6", F_OK) == 0; }

/// An IPv6 address brings a multicast group, of which the kernel tells all that is behind the
/// bridge twice, up to a second apart. Then it shall be at once, before there is a guest to be
/// mistaken for. Where /proc/sys cannot be written to, a first packet may have to be sent again.
void announce_groups_at_once() {
  const auto file = base::open_file(
      "/proc/sys/net/ipv6/conf/default/mldv2_unsolicited_report_interval", O_WRONLY);
  if (file) (void)base::write_all(file->get(), "1");
}

}  // namespace

Result<Bridge> Bridge::create(const HolderSetup& setup) {
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  auto events = FCVM_TRY(base::Rtnetlink::open());
  FCVM_TRY(events.socket().subscribe(RTNLGRP_LINK));
  Bridge bridge(std::move(kernel), std::move(events), setup);
  announce_groups_at_once();
  FCVM_TRY(bridge.build());
  return bridge;
}

Result<void> Bridge::build() {
  const unsigned tap = FCVM_TRY(add_tap(kTap));
  const unsigned pasta = FCVM_TRY(add_tap(kPastaLink));
  base::NetworkChange change;
  change.set_link(kLoopbackIndex, "lo", raised());
  change.add_bridge({kBridge, kBridgeIndex, setup_.bridge_mac, 0});
  if (kernel_has_ipv6()) {
    change.forbid_link_local(tap, kTap);
    change.forbid_link_local(pasta, kPastaLink);
    change.forbid_link_local(kBridgeIndex, kBridge);
  }
  change.set_link(tap, kTap, port(setup_.mtu));
  if (setup_.rate_in != 0) {
    change.limit_rate(tap, kTap, setup_.rate_in, net::burst_of_rate(setup_.rate_in));
  }
  change.add_forwarding(tap, setup_.guest_mac);
  change.set_link(pasta, kPastaLink, port(setup_.mtu));
  change.suppress_neighbours(pasta, kPastaLink);
  base::LinkChange bridge = raised();
  bridge.mtu = setup_.mtu;
  change.set_link(kBridgeIndex, kBridge, bridge);
  change.add_address(kBridgeIndex, setup_.bridge_ipv4);
  change.add_neighbour({kBridgeIndex, setup_.guest_ipv4, setup_.guest_mac});
  if (setup_.has_ipv6 != 0) {
    change.add_address(kBridgeIndex, setup_.bridge_ipv6);
    change.add_neighbour({kBridgeIndex, setup_.guest_ipv6, setup_.guest_mac});
  }
  return kernel_.apply(change);
}

Result<unsigned> Bridge::add_tap(const char* name) {
  // Persistent: the guest's waits for the VMM to open it, pasta's spares pasta the time that it
  // takes to remove one when it ends. They end with the namespace.
  auto made =
      FCVM_TRY(base::open_tap(name, true) | remedy("modprobe tun; chmod 0666 /dev/net/tun"));
  made.reset();
  return FCVM_TRY(kernel_.link(name)).index;
}

Result<bool> Bridge::on_event() {
  for (const base::NetlinkReply& event : FCVM_TRY(events_.socket().receive())) {
    if (event.type != RTM_NEWLINK) continue;
    const base::Link link = base::read_link(event);
    // A tap has a carrier as long as somebody has it open.
    if (link.name == kPastaLink && (link.flags & IFF_LOWER_UP) != 0) return true;
  }
  return false;
}

}  // namespace fcvm::rootless
