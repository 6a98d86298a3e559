// See rtnetlink.hpp; the requests that change something are in rtnetlink_change.cpp.
#include "core/base/net/rtnetlink.hpp"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sys/ioctl.h>

namespace fcvm::base {

namespace {

std::optional<IpAddress> read_address(std::optional<std::string_view> bytes) {
  if (!bytes || (bytes->size() != 4 && bytes->size() != 16)) return std::nullopt;
  return IpAddress::of_bytes(*bytes);
}

LinkAddress read_link_address(const NetlinkReply& reply) {
  const auto body = netlink_body<ifaddrmsg>(reply.body);
  const auto attributes = netlink_attributes<ifaddrmsg>(reply.body);
  LinkAddress found;
  found.link = body.ifa_index;
  found.scope = body.ifa_scope;
  found.flags = attributes.find(IFA_FLAGS) ? attributes.number(IFA_FLAGS) : body.ifa_flags;
  found.prefix = IpPrefix::any(body.ifa_family);
  found.prefix.length = body.ifa_prefixlen;
  // On a point-to-point link IFA_ADDRESS is the other end's.
  auto address = read_address(attributes.find(IFA_LOCAL));
  if (!address) address = read_address(attributes.find(IFA_ADDRESS));
  if (address) found.prefix.address = *address;
  return found;
}

Route read_route(const NetlinkReply& reply) {
  const auto body = netlink_body<rtmsg>(reply.body);
  const auto attributes = netlink_attributes<rtmsg>(reply.body);
  Route found;
  found.destination = IpPrefix::any(body.rtm_family);
  found.destination.length = body.rtm_dst_len;
  if (const auto to = read_address(attributes.find(RTA_DST))) found.destination.address = *to;
  found.gateway = read_address(attributes.find(RTA_GATEWAY));
  found.source = read_address(attributes.find(RTA_PREFSRC));
  found.link = attributes.number(RTA_OIF);
  found.metric = attributes.number(RTA_PRIORITY);
  found.table = attributes.find(RTA_TABLE) ? attributes.number(RTA_TABLE) : body.rtm_table;
  found.type = body.rtm_type;
  found.protocol = body.rtm_protocol;
  found.gateway_on_link = (body.rtm_flags & RTNH_F_ONLINK) != 0;
  return found;
}

template <typename Body, typename Read>
auto dump_all(NetlinkSocket& socket, std::uint16_t ask, std::uint16_t told, const Body& body,
              const std::string& doing, Read read)
    -> Result<std::vector<decltype(read(NetlinkReply()))>> {
  const auto replies = FCVM_TRY(socket.dump({NetlinkMessage(ask, 0, body), doing}));
  std::vector<decltype(read(NetlinkReply()))> found;
  for (const NetlinkReply& reply : replies) {
    if (reply.type == told) found.push_back(read(reply));
  }
  return found;
}

}  // namespace

bool Link::up() const { return (flags & IFF_UP) != 0; }

Link read_link(const NetlinkReply& reply) {
  const auto body = netlink_body<ifinfomsg>(reply.body);
  const auto attributes = netlink_attributes<ifinfomsg>(reply.body);
  Link found;
  found.index = static_cast<unsigned>(body.ifi_index);
  found.flags = body.ifi_flags;
  found.name = attributes.text(IFLA_IFNAME);
  found.mtu = attributes.number(IFLA_MTU);
  found.master = attributes.number(IFLA_MASTER);
  found.alias = attributes.text(IFLA_IFALIAS);
  if (const auto info = attributes.find(IFLA_LINKINFO)) {
    found.kind = NetlinkAttributes(*info).text(IFLA_INFO_KIND);
  }
  const auto mac = attributes.find(IFLA_ADDRESS);
  if (mac && mac->size() == 6) found.mac = netlink_body<MacAddress>(*mac);
  return found;
}

Result<Rtnetlink> Rtnetlink::open() {
  return Rtnetlink(FCVM_TRY(NetlinkSocket::open(NETLINK_ROUTE)));
}

Result<Rtnetlink> Rtnetlink::adopt(Fd socket) {
  return Rtnetlink(FCVM_TRY(NetlinkSocket::adopt(std::move(socket))));
}

Result<std::vector<Link>> Rtnetlink::links() {
  return dump_all(socket_, RTM_GETLINK, RTM_NEWLINK, ifinfomsg{}, "listing the links", read_link);
}

Result<std::optional<Link>> Rtnetlink::find_link(const std::string& name) {
  NetlinkMessage message(RTM_GETLINK, 0, ifinfomsg{});
  message.text(IFLA_IFNAME, name);
  const auto reply = FCVM_TRY(socket_.get({std::move(message), "looking for the link " + name}));
  if (!reply) return std::optional<Link>();
  return std::optional(read_link(*reply));
}

Result<Link> Rtnetlink::link(const std::string& name) {
  auto found = FCVM_TRY(find_link(name));
  if (!found) return fail(ENODEV, "looking for the link " + name + ": there is none");
  return *std::move(found);
}

Result<std::vector<LinkAddress>> Rtnetlink::addresses(int family) {
  ifaddrmsg body{};
  body.ifa_family = static_cast<std::uint8_t>(family);
  return dump_all(socket_, RTM_GETADDR, RTM_NEWADDR, body, "listing the addresses",
                  read_link_address);
}

Result<std::vector<Route>> Rtnetlink::routes(int family) {
  rtmsg body{};
  body.rtm_family = static_cast<std::uint8_t>(family);
  return dump_all(socket_, RTM_GETROUTE, RTM_NEWROUTE, body, "listing the routes", read_route);
}

Result<std::optional<Route>> Rtnetlink::default_route(int family) {
  std::optional<Route> best;
  for (const Route& route : FCVM_TRY(routes(family))) {
    const bool candidate = route.destination.length == 0 && route.table == RT_TABLE_MAIN &&
                           route.type == RTN_UNICAST && route.link != 0;
    if (candidate && (!best || route.metric < best->metric)) best = route;
  }
  return best;
}

Result<Fd> open_tap(const std::string& name, bool persist) {
  const std::string doing = "making the tap device " + name;
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name) {
    return fail(EINVAL, doing + ": no link can have that name");
  }
  Fd tap = FCVM_TRY(open_file("/dev/net/tun", O_RDWR) | context(doing));
  name.copy(request.ifr_name, name.size());
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(tap.get(), TUNSETIFF, &request) != 0) return fail_errno(doing);
  if (persist && ::ioctl(tap.get(), TUNSETPERSIST, 1) != 0) return fail_errno(doing);
  return tap;
}

}  // namespace fcvm::base
