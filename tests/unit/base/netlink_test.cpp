// Every request is made to the kernel, in a network namespace of this program's own.
#include <linux/if_addr.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <sys/stat.h>

#include "core/base/io/poll.hpp"
#include "core/base/net/rtnetlink.hpp"
#include "core/base/process/namespaces.hpp"
#include "tests/support/fresh_network.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

using fcvm::test::Contains;

Rtnetlink fresh() {
  test::enter_fresh_network();
  return must(Rtnetlink::open());
}

IpPrefix prefix(const char* text) { return must(IpPrefix::parse(text)); }
IpAddress address(const char* text) { return must(IpAddress::parse(text)); }
MacAddress mac(const char* text) { return must(MacAddress::parse(text)); }
LinkChange up() {
  LinkChange change;
  change.up = true;
  return change;
}

/// Two up and connected links: indexes 10 and 11.
void add_pair(Rtnetlink& kernel) {
  NetworkChange change;
  change.add_veth({"a", 10, {}, 0}, {{"b", 11, {}, 0}, -1});
  change.set_link(10, "a", up());
  change.set_link(11, "b", up());
  must(kernel.apply(change));
}

std::string neighbours() { return output_of(shell("ip neigh show; ip neigh show proxy")).text; }

TEST_CASE("a netlink request is laid out as the kernel reads it") {
  ifinfomsg body{};
  body.ifi_index = 2;
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE, body);
  message.number(IFLA_MTU, 1500);
  message.attribute(IFLA_ADDRESS, std::string("\x52\x54\0\1\2\3", 6));
  message.nested(IFLA_LINKINFO, [&] { message.text(IFLA_INFO_KIND, "tun"); });
  const std::string& bytes = message.bytes();
  REQUIRE(bytes.size() == NLMSG_LENGTH(sizeof body) + 8 + 12 + 12);
  const auto header = netlink_body<nlmsghdr>(bytes);
  CHECK(header.nlmsg_len == bytes.size());
  CHECK(header.nlmsg_type == RTM_NEWLINK);
  CHECK(header.nlmsg_flags == (NLM_F_REQUEST | NLM_F_CREATE));
  CHECK(bytes.substr(32, 8) == std::string("\x8\0\x4\0\xdc\5\0\0", 8));
  CHECK(bytes.substr(40, 12) == std::string("\xa\0\1\0\x52\x54\0\1\2\3\0\0", 12));
  CHECK(bytes.substr(52) == std::string("\xc\0\x12\x80\x8\0\1\0tun\0", 12));
}

TEST_CASE("attributes are never read past their end") {
  const std::string good("\x8\0\4\0\1\0\0\0\x6\0\3\0ab\0\0", 16);
  const NetlinkAttributes attributes(good);
  CHECK(attributes.number(4) == 1);
  CHECK(attributes.text(3) == "ab");
  CHECK_FALSE(attributes.find(9));
  for (std::size_t cut = 0; cut < 8; ++cut) {
    CHECK_FALSE(NetlinkAttributes(std::string_view(good).substr(0, cut)).find(4));
  }
  for (const char length : {0, 1, 3, 100}) {
    const std::string bad = std::string(1, length) + std::string("\0\4\0\1\0\0\0", 7);
    CHECK_FALSE(NetlinkAttributes(bad).find(4));
  }
  // The second is cut in its padding, as the kernel sends the last one.
  CHECK(NetlinkAttributes(std::string_view(good).substr(0, 14)).text(3) == "ab");
}

TEST_CASE("a bridge, its port and their addresses are made in one go") {
  Rtnetlink kernel = fresh();
  NetworkChange change;
  change.set_link(1, "lo", up());
  change.add_bridge({"br0", 7, mac("02:00:00:00:00:07"), 0});
  change.add_veth({"a", 10, mac("02:00:00:00:00:0a"), 1400}, {{"b", 11, {}, 1400}, -1});
  LinkChange port = up();
  port.master = 7;
  change.set_link(10, "a", port);
  change.suppress_neighbours(10, "a");
  change.add_forwarding(10, mac("02:00:00:00:00:99"));
  change.forbid_link_local(7, "br0");
  change.set_link(7, "br0", up());
  change.set_link(11, "b", up());
  change.add_address(7, prefix("10.0.2.1/24"));
  change.add_address(7, prefix("fd00::1/64"));
  change.add_neighbour({7, address("10.0.2.100"), mac("02:00:00:00:00:99")});
  must(kernel.apply(change));

  const Link made = must(kernel.link("br0"));
  CHECK(made.index == 7);
  CHECK(made.kind == "bridge");
  CHECK(made.up());
  CHECK(made.mac == mac("02:00:00:00:00:07"));
  const Link a = must(kernel.link("a"));
  CHECK(a.master == 7);
  CHECK(a.mtu == 1400);
  CHECK(a.mac == mac("02:00:00:00:00:0a"));
  CHECK(must(kernel.links()).size() >= 4);
  std::vector<std::string> found;
  for (const LinkAddress& each : must(kernel.addresses(AF_UNSPEC))) {
    if (each.link == 7) found.push_back(each.prefix.to_string());
    if (each.prefix == prefix("fd00::1/64")) CHECK((each.flags & IFA_F_TENTATIVE) == 0);
  }
  CHECK(found == std::vector<std::string>{"10.0.2.1/24", "fd00::1/64"});
  CHECK_THAT(neighbours(), Contains("10.0.2.100 dev br0 lladdr 02:00:00:00:00:99 PERMANENT"));
  CHECK_THAT(output_of(shell("bridge fdb show dev a")).text, Contains("02:00:00:00:00:99"));
  CHECK_THAT(output_of(shell("bridge -d link show dev a")).text, Contains("neigh_suppress on"));
}

TEST_CASE("IPv4 settings of a link are those below /proc/sys") {
  Rtnetlink kernel = fresh();
  add_pair(kernel);
  const auto settings = [] {
    return output_of(shell("cd /proc/sys/net/ipv4/conf; cat a/forwarding a/route_localnet "
                           "a/proxy_arp b/forwarding all/forwarding"))
        .text;
  };
  // A namespace begins with the settings of the host, which may forward.
  const std::string others = settings().substr(6);
  const auto all_of_a = [&](std::uint32_t value) {
    NetworkChange change;
    change.set_ipv4_setting(10, "a", IPV4_DEVCONF_FORWARDING, value);
    change.set_ipv4_setting(10, "a", IPV4_DEVCONF_ROUTE_LOCALNET, value);
    change.set_ipv4_setting(10, "a", IPV4_DEVCONF_PROXY_ARP, value);
    must(kernel.apply(change));
  };
  all_of_a(1);
  CHECK(settings() == "1\n1\n1\n" + others);
  all_of_a(0);
  CHECK(settings() == "0\n0\n0\n" + others);
  NetworkChange none;
  none.set_ipv4_setting(12, "c", IPV4_DEVCONF_FORWARDING, 1);
  const auto refused = kernel.apply(none);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ENODEV);
}

TEST_CASE("a failure names the request, says what the kernel says, and others are done") {
  Rtnetlink kernel = fresh();
  NetworkChange change;
  change.add_bridge({"br0", 7, {}, 0});
  change.add_bridge({"a-name-that-is-too-long", 0, {}, 0});
  change.add_bridge({"br0", 8, {}, 0});
  change.add_bridge({"br2", 9, {}, 0});
  const auto failed = kernel.apply(change);
  REQUIRE_FALSE(failed);
  CHECK_THAT(failed.error().message(), Contains("making the bridge a-name-that-is-too-long"));
  CHECK(must(kernel.find_link("br2")));
  NetworkChange again;
  again.add_bridge({"br0", 0, {}, 0});
  CHECK(kernel.apply(again).error().code() == EEXIST);
  // That a kernel explains itself: every one since 5.x does for this request.
  NetworkChange route;
  Route nowhere;
  nowhere.destination = IpPrefix::any(AF_INET);
  nowhere.gateway = address("192.0.2.1");
  route.add_route(nowhere);
  const auto refused = kernel.apply(route);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ENETUNREACH);
  CHECK_THAT(refused.error().message(), Contains("adding the route to 0.0.0.0/0 by 192.0.2.1") &&
                                            Contains("Nexthop has invalid gateway"));
}

TEST_CASE("more requests than one packet holds") {
  Rtnetlink kernel = fresh();
  NetworkChange change;
  change.set_link(1, "lo", up());
  for (int i = 0; i < 300; ++i) {
    change.add_address(
        1,
        prefix(
            ("127.1." + std::to_string(i / 200) + "." + std::to_string(i % 200) + "/32").c_str()));
  }
  must(kernel.apply(change));
  CHECK(must(kernel.addresses(AF_INET)).size() >= 301);
}

TEST_CASE("what is there is replaced, and what is not cannot be removed") {
  Rtnetlink kernel = fresh();
  add_pair(kernel);
  NetworkChange twice;
  for (int i = 0; i < 2; ++i) {
    twice.add_address(10, prefix("10.0.2.1/24"));
    twice.add_address(10, prefix("fd00::1/64"));
    twice.add_neighbour({10, address("10.0.2.9"), mac("02:00:00:00:00:09")});
    twice.add_neighbour({10, address("fd00::9"), std::nullopt});
  }
  must(kernel.apply(twice));
  CHECK_THAT(neighbours(), Contains("fd00::9 dev a proxy"));
  NetworkChange undo;
  undo.delete_neighbour({10, address("10.0.2.9"), mac("02:00:00:00:00:09")});
  undo.delete_neighbour({10, address("fd00::9"), std::nullopt});
  undo.delete_address(10, prefix("10.0.2.1/24"));
  must(kernel.apply(undo));
  CHECK(neighbours().find("fd00::9") == std::string::npos);
  for (const LinkAddress& each : must(kernel.addresses(AF_INET))) CHECK(each.link != 10);
  CHECK(kernel.apply(undo).error().code() == ENOENT);
}

TEST_CASE("routes of both families are made, listed and removed") {
  Rtnetlink kernel = fresh();
  add_pair(kernel);
  CHECK_FALSE(must(kernel.default_route(AF_INET)));
  NetworkChange change;
  change.add_address(10, prefix("10.0.2.1/24"));
  change.add_address(10, prefix("fd00::1/64"));
  Route direct;
  direct.destination = prefix("172.30.1.4/30");
  direct.link = 11;
  direct.source = address("10.0.2.1");
  change.add_route(direct);
  for (const char* gateway : {"192.0.2.1", "fd00::2"}) {
    Route route;
    route.gateway = address(gateway);
    route.destination = IpPrefix::any(route.gateway->family);
    route.link = 10;
    route.metric = 50;
    route.gateway_on_link = true;
    change.add_route(route);
    if (!route.gateway->is_v4()) continue;
    route.metric = 20;
    route.link = 11;
    change.add_route(route);
  }
  must(kernel.apply(change));
  const auto v4 = must(kernel.default_route(AF_INET));
  REQUIRE(v4);
  CHECK(v4->link == 11);
  CHECK(v4->metric == 20);
  CHECK(v4->gateway == address("192.0.2.1"));
  const auto v6 = must(kernel.default_route(AF_INET6));
  REQUIRE(v6);
  CHECK(v6->gateway == address("fd00::2"));
  const auto has_direct = [&] {
    const auto routes = must(kernel.routes(AF_INET));
    return std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
      return route.destination == direct.destination && route.source == direct.source;
    });
  };
  CHECK(has_direct());
  NetworkChange undo;
  undo.delete_route(direct);
  must(kernel.apply(undo));
  CHECK_FALSE(has_direct());
}

TEST_CASE("a veth reaches into another namespace, and a socket made there speaks to it") {
  Rtnetlink kernel = fresh();
  const Namespace other = must(Namespace::new_net());
  NetworkChange change;
  const VethPeer peer{{"inside", 5, mac("02:00:00:00:00:05"), 1300}, other.fd()};
  change.add_veth({"outside", 0, mac("02:00:00:00:00:06"), 1300}, peer);
  must(kernel.apply(change));
  Rtnetlink there = must(in_namespace(other, [] { return Rtnetlink::open(); }));
  CHECK(must(there.link("inside")).mac == mac("02:00:00:00:00:05"));
  CHECK(must(there.link("inside")).mtu == 1300);
  CHECK_FALSE(must(kernel.find_link("inside")));
  const Link outside = must(kernel.link("outside"));
  NetworkChange rename;
  LinkChange name;
  name.name = "renamed";
  name.alias = "fcvm of vm1";
  rename.set_link(outside.index, "outside", name);
  must(kernel.apply(rename));
  CHECK(must(kernel.link("renamed")).alias == "fcvm of vm1");
  CHECK(kernel.link("outside").error().code() == ENODEV);
  NetworkChange move;
  LinkChange moved;
  moved.namespace_fd = other.fd();
  move.set_link(outside.index, "renamed", moved);
  must(kernel.apply(move));
  CHECK(must(there.link("renamed")).index != 0);
  NetworkChange remove;
  remove.delete_link(must(there.link("inside")).index, "inside");
  must(there.apply(remove));
  CHECK_FALSE(must(there.find_link("renamed")));
}

TEST_CASE("a listener hears of a new link") {
  Rtnetlink kernel = fresh();
  Rtnetlink listener = must(Rtnetlink::open());
  must(listener.socket().subscribe(RTNLGRP_LINK));
  NetworkChange change;
  change.add_bridge({"br0", 7, {}, 0});
  must(kernel.apply(change));
  must(wait_readable(listener.socket().fd(), Deadline::in(std::chrono::seconds(10))));
  const auto heard = must(listener.socket().receive());
  REQUIRE_FALSE(heard.empty());
  CHECK(heard.front().type == RTM_NEWLINK);
  CHECK(read_link(heard.front()).name == "br0");
}

TEST_CASE("a tap goes with its descriptor, unless it is to stay") {
  Rtnetlink kernel = fresh();
  FCVM_SKIP_IF(::access("/dev/net/tun", R_OK | W_OK) != 0, "opens /dev/net/tun");
  {
    const Fd tap = must(open_tap("tap0", false));
    CHECK(must(kernel.link("tap0")).kind == "tun");
    CHECK(open_tap("tap0", false).error().code() == EBUSY);
  }
  CHECK_FALSE(must(kernel.find_link("tap0")));
  (void)must(open_tap("tap1", true));
  CHECK(must(kernel.find_link("tap1")));
  CHECK(open_tap("", true).error().code() == EINVAL);
  CHECK(open_tap("a-name-that-is-too-long", true).error().code() == EINVAL);
}

}  // namespace
}  // namespace fcvm::base
