// NetworkChange of rtnetlink.hpp: each request as rtnetlink(7) has it.
#include <algorithm>
#include <cstdint>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/veth.h>
#include <net/if.h>

#include "core/base/net/rtnetlink.hpp"

namespace fcvm::base {

namespace {

constexpr std::uint64_t kMostWaiting = 64 * 1024 * 1024;

ifinfomsg link_body(unsigned index) {
  ifinfomsg body{};
  body.ifi_family = AF_UNSPEC;
  body.ifi_index = static_cast<int>(index);
  return body;
}

void describe_link(NetlinkMessage& message, const NewLink& link) {
  message.text(IFLA_IFNAME, link.name);
  if (link.mtu != 0) message.number(IFLA_MTU, link.mtu);
  if (link.mac) message.attribute(IFLA_ADDRESS, link.mac->raw());
}

std::uint8_t family_byte(const IpAddress& address) {
  return static_cast<std::uint8_t>(address.family);
}

NetlinkMessage address_message(std::uint16_t type, std::uint16_t flags, unsigned link,
                               const IpPrefix& address) {
  ifaddrmsg body{};
  body.ifa_family = family_byte(address.address);
  body.ifa_prefixlen = address.length;
  body.ifa_index = link;
  // Duplicate address detection would cost a second in which the address cannot be used.
  if (!address.address.is_v4()) body.ifa_flags = IFA_F_NODAD;
  NetlinkMessage message(type, flags, body);
  message.attribute(IFA_LOCAL, address.address.raw());
  message.attribute(IFA_ADDRESS, address.address.raw());
  return message;
}

NetlinkMessage route_message(std::uint16_t type, std::uint16_t flags, const Route& route) {
  rtmsg body{};
  body.rtm_family = family_byte(route.destination.address);
  body.rtm_dst_len = route.destination.length;
  body.rtm_table = static_cast<std::uint8_t>(route.table < 256 ? route.table : RT_TABLE_COMPAT);
  body.rtm_protocol = route.protocol;
  body.rtm_type = route.type;
  const bool direct = !route.gateway && route.destination.address.is_v4();
  body.rtm_scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  if (route.gateway_on_link) body.rtm_flags = RTNH_F_ONLINK;
  NetlinkMessage message(type, flags, body);
  if (route.destination.length != 0) {
    message.attribute(RTA_DST, route.destination.network().address.raw());
  }
  message.number(RTA_TABLE, route.table);
  if (route.gateway) message.attribute(RTA_GATEWAY, route.gateway->raw());
  if (route.link != 0) message.number(RTA_OIF, route.link);
  if (route.source) message.attribute(RTA_PREFSRC, route.source->raw());
  if (route.metric != 0) message.number(RTA_PRIORITY, route.metric);
  return message;
}

std::string name_of(const Route& route) {
  std::string text = "the route to " + route.destination.to_string();
  if (route.gateway) text += " by " + route.gateway->to_string();
  return text;
}

NetlinkMessage neighbour_message(std::uint16_t type, std::uint16_t flags,
                                 const Neighbour& neighbour) {
  ndmsg body{};
  body.ndm_family = family_byte(neighbour.address);
  body.ndm_ifindex = static_cast<int>(neighbour.link);
  body.ndm_state = NUD_PERMANENT;
  if (!neighbour.mac) body.ndm_flags = NTF_PROXY;
  NetlinkMessage message(type, flags, body);
  message.attribute(NDA_DST, neighbour.address.raw());
  if (neighbour.mac) message.attribute(NDA_LLADDR, neighbour.mac->raw());
  return message;
}

std::string name_of(const Neighbour& neighbour) {
  return (neighbour.mac ? "the neighbour " : "the proxied neighbour ") +
         neighbour.address.to_string();
}

}  // namespace

void NetworkChange::add(NetlinkMessage message, std::string doing) {
  requests_.push_back({std::move(message), std::move(doing)});
}

void NetworkChange::add_bridge(const NewLink& link) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_body(link.index));
  describe_link(message, link);
  message.nested(IFLA_LINKINFO, [&] {
    message.text(IFLA_INFO_KIND, "bridge");
    // Without it the bridge joins no group of its own, and has nothing to announce.
    message.nested(IFLA_INFO_DATA, [&] { message.byte(IFLA_BR_MCAST_SNOOPING, 0); });
  });
  add(std::move(message), "making the bridge " + link.name);
}

void NetworkChange::add_veth(const NewLink& link, const VethPeer& peer) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_body(link.index));
  describe_link(message, link);
  const ifinfomsg peer_body = link_body(peer.link.index);
  const std::string_view peer_header(reinterpret_cast<const char*>(&peer_body), sizeof peer_body);
  const auto describe_peer = [&] {
    describe_link(message, peer.link);
    if (peer.namespace_fd >= 0) {
      message.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer.namespace_fd));
    }
  };
  message.nested(IFLA_LINKINFO, [&] {
    message.text(IFLA_INFO_KIND, "veth");
    message.nested(IFLA_INFO_DATA,
                   [&] { message.nested(VETH_INFO_PEER, describe_peer, peer_header); });
  });
  add(std::move(message), "making the veth pair " + link.name + " and " + peer.link.name);
}

void NetworkChange::set_link(unsigned index, const std::string& name, const LinkChange& change) {
  ifinfomsg body = link_body(index);
  if (change.up) {
    body.ifi_change = IFF_UP;
    body.ifi_flags = *change.up ? IFF_UP : 0;
  }
  NetlinkMessage message(RTM_NEWLINK, 0, body);
  if (change.mtu != 0) message.number(IFLA_MTU, change.mtu);
  if (change.mac) message.attribute(IFLA_ADDRESS, change.mac->raw());
  if (change.master) message.number(IFLA_MASTER, *change.master);
  if (!change.name.empty()) message.text(IFLA_IFNAME, change.name);
  if (!change.alias.empty()) message.attribute(IFLA_IFALIAS, change.alias);
  if (change.namespace_fd >= 0) {
    message.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(change.namespace_fd));
  }
  add(std::move(message), "setting up the link " + name);
}

void NetworkChange::forbid_link_local(unsigned index, const std::string& name) {
  NetlinkMessage message(RTM_NEWLINK, 0, link_body(index));
  message.nested(IFLA_AF_SPEC, [&] {
    message.nested(AF_INET6,
                   [&] { message.byte(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
  });
  add(std::move(message), "forbidding link-local addresses on " + name);
}

void NetworkChange::set_ipv4_setting(unsigned index, const std::string& name, std::uint16_t setting,
                                     std::uint32_t value) {
  NetlinkMessage message(RTM_SETLINK, 0, link_body(index));
  const auto number = [&] { message.number(setting, value); };
  const auto family = [&] { message.nested(IFLA_INET_CONF, number); };
  message.nested(IFLA_AF_SPEC, [&] { message.nested(AF_INET, family); });
  add(std::move(message), "changing IPv4 setting " + std::to_string(setting) + " of " + name);
}

void NetworkChange::delete_link(unsigned index, const std::string& name) {
  add(NetlinkMessage(RTM_DELLINK, 0, link_body(index)), "removing the link " + name);
}

void NetworkChange::add_address(unsigned link, const IpPrefix& address) {
  add(address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link, address),
      "adding the address " + address.to_string());
}

void NetworkChange::delete_address(unsigned link, const IpPrefix& address) {
  add(address_message(RTM_DELADDR, 0, link, address),
      "removing the address " + address.to_string());
}

void NetworkChange::add_route(const Route& route) {
  add(route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route), "adding " + name_of(route));
}

void NetworkChange::delete_route(const Route& route) {
  add(route_message(RTM_DELROUTE, 0, route), "removing " + name_of(route));
}

void NetworkChange::add_neighbour(const Neighbour& neighbour) {
  add(neighbour_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbour),
      "adding " + name_of(neighbour));
}

void NetworkChange::delete_neighbour(const Neighbour& neighbour) {
  add(neighbour_message(RTM_DELNEIGH, 0, neighbour), "removing " + name_of(neighbour));
}

void NetworkChange::add_forwarding(unsigned port, const MacAddress& mac) {
  ndmsg body{};
  body.ndm_family = AF_BRIDGE;
  body.ndm_ifindex = static_cast<int>(port);
  body.ndm_state = NUD_NOARP;  // "static": it neither ages nor moves to another port unasked
  body.ndm_flags = NTF_MASTER;
  NetlinkMessage message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body);
  message.attribute(NDA_LLADDR, mac.raw());
  add(std::move(message), "telling the bridge where " + mac.to_string() + " is");
}

void NetworkChange::limit_rate(unsigned link, const std::string& name,
                               std::uint64_t bytes_per_second, std::uint32_t burst) {
  // A fifth of a second's worth waits at most.
  const std::uint64_t waiting = std::min<std::uint64_t>(bytes_per_second / 5, kMostWaiting);
  tcmsg body{};
  body.tcm_family = AF_UNSPEC;
  body.tcm_ifindex = static_cast<int>(link);
  body.tcm_parent = TC_H_ROOT;
  tc_tbf_qopt parameters{};
  parameters.rate.linklayer = TC_LINKLAYER_ETHERNET;
  parameters.rate.rate =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes_per_second, UINT32_MAX));
  parameters.limit = static_cast<std::uint32_t>(burst + waiting);
  NetlinkMessage message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, body);
  message.text(TCA_KIND, "tbf");
  message.nested(TCA_OPTIONS, [&] {
    message.attribute(TCA_TBF_PARMS,
                      {reinterpret_cast<const char*>(&parameters), sizeof parameters});
    message.attribute(TCA_TBF_RATE64,
                      {reinterpret_cast<const char*>(&bytes_per_second), sizeof bytes_per_second});
    message.number(TCA_TBF_BURST, burst);
  });
  add(std::move(message), "limiting the rate of " + name);
}

void NetworkChange::suppress_neighbours(unsigned port, const std::string& name) {
  ifinfomsg body = link_body(port);
  body.ifi_family = AF_BRIDGE;
  NetlinkMessage message(RTM_SETLINK, 0, body);
  message.nested(IFLA_PROTINFO, [&] { message.byte(IFLA_BRPORT_NEIGH_SUPPRESS, 1); });
  add(std::move(message), "keeping ARP and NDP for the bridge from " + name);
}

}  // namespace fcvm::base
