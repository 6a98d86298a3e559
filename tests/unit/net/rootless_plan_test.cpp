// What one attachment is to be, for hosts of every kind.
#include <fcvm/sdk/sized.hpp>

#include "plugins/net/rootless/plan.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::rootless {
namespace {

using Words = std::vector<std::string>;

HostNetwork host_with(const char* resolv_conf, bool ipv6 = true) {
  HostNetwork host;
  host.has_ipv6 = ipv6;
  host.resolvers = read_resolvers(resolv_conf);
  return host;
}

fcvm_net_request request(std::uint32_t flags = FCVM_NET_WANT_IPV6) {
  auto made = sized<fcvm_net_request>();
  made.flags = flags;
  return made;
}

Words dns_of(const char* resolv_conf, bool forwards_tcp, bool ipv6 = true) {
  const auto plan = make_plan(request(), host_with(resolv_conf, ipv6), forwards_tcp);
  REQUIRE(plan);
  return plan->dns;
}

TEST_CASE("resolv.conf is read as the C library reads it") {
  const auto found = read_resolvers(
      "# nameserver 9.9.9.9\nsearch a b\nnameserver 192.0.2.1\n  nameserver\tfe80::1%eth0 \n"
      "nameserver\nnameserver nonsense\nnameserverx 1.1.1.1\nnameserver ::1");
  Words texts;
  for (const auto& each : found) texts.push_back(each.to_string());
  CHECK(texts == Words{"192.0.2.1", "fe80::1", "::1"});
  CHECK(read_resolvers("").empty());
}

TEST_CASE("the guest asks pasta first, where pasta forwards all that it may ask") {
  CHECK(dns_of("nameserver 192.0.2.1\nnameserver 192.0.2.2\n", true) ==
        Words{"10.0.2.3", "192.0.2.2"});
  CHECK(dns_of("nameserver 127.0.0.53\n", true) == Words{"10.0.2.3"});
  CHECK(dns_of("nameserver ::1\nnameserver 192.0.2.1\n", true) == Words{"fd00::3", "10.0.2.3"});
  CHECK(dns_of("nameserver 2001:db8::1\n", true, false).empty());
  CHECK(dns_of("", true).empty());
}

TEST_CASE("an old pasta forwards questions by UDP only: it is asked for stubs alone") {
  CHECK(dns_of("nameserver 192.0.2.1\nnameserver 192.0.2.2\n", false) ==
        Words{"192.0.2.1", "192.0.2.2"});
  CHECK(dns_of("nameserver 127.0.0.53\nnameserver 192.0.2.2\n", false) ==
        Words{"10.0.2.3", "192.0.2.2"});
  // A second stub, and what is valid on the host's link only, cannot be reached.
  CHECK(dns_of("nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver fe80::1\n", false) ==
        Words{"10.0.2.3"});
  CHECK(dns_of("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
               "nameserver 192.0.2.4\n",
               false)
            .size() == 3);
}

TEST_CASE("IPv6 is given where the host has it and the VM wants it") {
  const auto given = [](std::uint32_t flags, bool ipv6) {
    const auto plan = make_plan(request(flags), host_with("", ipv6), true);
    REQUIRE(plan);
    CHECK(plan->carries_ipv6 == plan->guest_ipv6.has_value());
    return plan->guest_ipv6 ? plan->guest_ipv6->to_string() : "";
  };
  CHECK(given(FCVM_NET_WANT_IPV6, true) == "fd00::100/64");
  CHECK(given(FCVM_NET_WANT_IPV6, false).empty());
  CHECK(given(0, true).empty());
}

TEST_CASE("a restored guest keeps what it has, on whatever host") {
  auto again = request(FCVM_NET_WANT_IPV6 | FCVM_NET_REATTACH);
  CHECK(make_plan(again, host_with(""), true).error().code() == EINVAL);
  again.mac = "02:00:00:00:00:42";
  again.ipv4 = "10.0.2.77/24";
  auto plan = make_plan(again, host_with(""), true);
  REQUIRE(plan);
  CHECK(plan->guest_mac.to_string() == again.mac);
  CHECK(plan->guest_ipv4.to_string() == again.ipv4);
  CHECK_FALSE(plan->guest_ipv6);
  again.ipv6 = "fd00::100/64";
  plan = make_plan(again, host_with("", false), true);
  REQUIRE(plan);
  CHECK(plan->guest_ipv6);
  CHECK_FALSE(plan->carries_ipv6);
}

TEST_CASE("what cannot be given is refused") {
  const auto refused = [](const fcvm_net_request& wanted) {
    const auto plan = make_plan(wanted, host_with("nameserver 192.0.2.1\n"), true);
    return plan ? 0 : plan.error().code();
  };
  auto wanted = request();
  for (const char* mac : {"02:fc:00:00:02:01", "02:fc:00:00:02:02", "ff:ff:ff:ff:ff:ff", "x"}) {
    wanted.mac = mac;
    CHECK(refused(wanted) == EINVAL);
  }
  wanted.mac = nullptr;
  for (const char* ipv6 : {"fd00::1", "fd00::2", "fd00::3/64", "fd00::", "fd01::100", "10.0.2.9"}) {
    wanted.ipv6 = ipv6;
    CHECK(refused(wanted) == EINVAL);
  }
  wanted.ipv6 = nullptr;
  wanted.mtu = 1279;
  CHECK(refused(wanted) == ERANGE);
  wanted.flags = 0;
  CHECK(refused(wanted) == 0);
  wanted.mtu = 575;
  CHECK(refused(wanted) == ERANGE);
}

TEST_CASE("the host's own resolver is named by the gateway, if that leads to the host") {
  const char* servers[] = {"127.0.0.1", "::1"};
  auto wanted = request();
  wanted.dns = servers;
  wanted.dns_count = 2;
  auto plan = make_plan(wanted, host_with(""), true);
  REQUIRE(plan);
  CHECK(plan->dns == Words{"10.0.2.2", "fd00::2"});
  CHECK_FALSE(make_plan(wanted, host_with("", false), true));
  // By the port for names alone, where the loopback is closed.
  wanted.flags |= FCVM_NET_NO_HOST_LOOPBACK;
  plan = make_plan(wanted, host_with(""), true);
  REQUIRE(plan);
  CHECK(plan->dns == Words{"10.0.2.2", "fd00::2"});
  CHECK(plan->maps_gateway);
  CHECK_FALSE(plan->names_gateway);
  for (const auto& opening : plan->filter.openings) CHECK(opening.ports.first == 53);
}

}  // namespace
}  // namespace fcvm::rootless
