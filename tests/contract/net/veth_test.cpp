// What net.bridged and net.routed promise beyond the contract: whom a VM reaches, and who reaches
// it.
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/base/io/file.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/net/address.hpp"
#include "core/base/net/rtnetlink.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/contract/net/host_state.hpp"
#include "tests/contract/net/network.hpp"
#include "tests/contract/net/server.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

using Catch::Matchers::StartsWith;
using fcvm::test::Contains;

Environment* root_environment() { return is_root_environment() ? Environment::get() : nullptr; }

std::string from_outside(const Environment& host, const std::string& address, std::uint16_t number,
                         std::uint32_t protocol) {
  std::string heard;
  const auto asked = base::in_namespace(host.outside(), [&]() -> Result<void> {
    heard = through(address, number, protocol);
    return {};
  });
  REQUIRE(asked);
  return heard;
}

void attached(Network& network, const Request& request) {
  const int code = network.attach(request);
  INFO(network.message());
  REQUIRE(code == 0);
}

/// Whether a TCP connection from inside is made, and to whom.
std::string reached(FakeGuest& guest, const std::string& address, int number) {
  const std::string where = address + "/" + std::to_string(number);
  return guest
      .shell("timeout 3 bash -c 'exec 3<>/dev/tcp/" + where +
             " && echo hello >&3 && head -c 5 <&3' 2>/dev/null")
      .text;
}

/// The address from which `guest` calls the machine outside.
std::string seen_outside(const Environment& host, FakeGuest& guest, const char* address) {
  base::Fd listener;
  constexpr std::uint16_t kPort = 4200;
  const auto listen = [&]() -> Result<void> {
    listener = FCVM_TRY(ServerSockets::bind(address, kPort)).stream;
    return {};
  };
  REQUIRE(base::in_namespace(host.outside(), listen));
  guest.shell(std::string("exec 3<>/dev/tcp/") + address + "/4200");
  REQUIRE(base::wait_readable(listener.get(), base::Deadline::in(std::chrono::seconds(60))));
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const base::Fd stream(
      ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC));
  REQUIRE(stream);
  const char* raw = from.ss_family == AF_INET6
                        ? reinterpret_cast<char*>(&reinterpret_cast<sockaddr_in6&>(from).sin6_addr)
                        : reinterpret_cast<char*>(&reinterpret_cast<sockaddr_in&>(from).sin_addr);
  return base::IpAddress::of_bytes({raw, from.ss_family == AF_INET6 ? 16U : 4U}).to_string();
}

base::Fd datagrams_to(const char* address, std::uint16_t number) {
  base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage raw{};
  const socklen_t length = base::IpAddress::parse(address)->to_sockaddr(number, raw);
  REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&raw), length) == 0);
  return socket;
}

/// Whether an echo comes back in time. A refusal is none.
bool is_answered(const base::Fd& client,
                 std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  const auto deadline = base::Deadline::in(patience);
  char back = 0;
  while (::recv(client.get(), &back, 1, 0) >= 0 || errno == ECONNREFUSED) {
  }
  while (!deadline.expired()) {
    (void)::send(client.get(), "?", 1, 0);
    const auto until =
        base::Deadline::earlier(deadline, base::Deadline::in(std::chrono::seconds(1)));
    const bool heard = base::wait_readable(client.get(), until).has_value();
    if (heard && ::recv(client.get(), &back, 1, 0) == 1) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("bridged: the attachment says what the guest is told") {
  if (root_environment() == nullptr) return;
  Network network(bridged());
  attached(network, {});
  const auto& given = network.attachment();
  CHECK(std::string(given.guest_ipv4) == "10.0.2.100/24");
  CHECK(std::string(given.gateway_ipv4) == "10.0.2.2");
  CHECK(std::string(given.guest_ipv6) == "fd00::100/64");
  CHECK(std::string(given.gateway_ipv6) == "fd00::2");
  CHECK(std::string(given.host_gateway) == "10.0.2.2");
  CHECK(network.dns().at(0) == "10.0.2.3");
  CHECK(network.dns().size() == 1);
  CHECK(std::string(given.tap) == "tap0");
  CHECK(given.mtu == 1500);
  CHECK(network.user_namespace() == -1);
  CHECK_THAT(std::string(given.host_address), StartsWith("172.30."));
}

TEST_CASE("bridged: an address of the host publishes to the host and to others") {
  Environment* host = root_environment();
  if (host == nullptr) return;
  Network network(bridged());
  Request request;
  auto range = port(4300, FCVM_PROTO_TCP, kHostIpv4);
  range.guest_port = 6;
  range.count = 3;  // the echo is the second
  request.publish = {range,
                     port(4310, FCVM_PROTO_TCP, "0.0.0.0"),
                     port(4310, FCVM_PROTO_UDP, "0.0.0.0"),
                     port(4311, FCVM_PROTO_TCP, "127.0.0.1"),
                     port(4312, FCVM_PROTO_TCP, "::"),
                     port(4313, FCVM_PROTO_UDP, kHostIpv6),
                     port(4314, FCVM_PROTO_TCP)};
  attached(network, request);
  FakeGuest guest(network);
  const std::string own = network.attachment().host_address;
  for (const std::string address : {kHostIpv4, "127.0.0.1"}) {
    CHECK(through(address, 4310, FCVM_PROTO_TCP) == "published");
    CHECK(through(address, 4310, FCVM_PROTO_UDP) == "published");
  }
  CHECK(through(kHostIpv4, 4301, FCVM_PROTO_TCP) == "published");
  CHECK(through("127.0.0.1", 4311, FCVM_PROTO_TCP) == "published");
  CHECK(through(own, 4314, FCVM_PROTO_TCP) == "published");
  CHECK(through(kHostIpv6, 4312, FCVM_PROTO_TCP) == "published");
  CHECK(through(kHostIpv6, 4313, FCVM_PROTO_UDP) == "published");
  CHECK(through("::1", 4312, FCVM_PROTO_TCP).empty());
  CHECK(from_outside(*host, kHostIpv4, 4301, FCVM_PROTO_TCP) == "published");
  CHECK(from_outside(*host, kHostIpv4, 4310, FCVM_PROTO_TCP) == "published");
  CHECK(from_outside(*host, kHostIpv4, 4310, FCVM_PROTO_UDP) == "published");
  CHECK(from_outside(*host, kHostIpv6, 4312, FCVM_PROTO_TCP) == "published");
  CHECK(from_outside(*host, kHostIpv6, 4313, FCVM_PROTO_UDP) == "published");
  CHECK(from_outside(*host, kHostIpv4, 4311, FCVM_PROTO_TCP).empty());
  // The guest calls its own port by the host's address, and by that of the host's loopback.
  CHECK(reached(guest, kHostIpv4, 4310) == "hello");
  CHECK(reached(guest, "10.0.2.2", 4311) == "hello");
}

TEST_CASE("bridged: a port that is for the host alone is not there for guests") {
  if (root_environment() == nullptr) return;
  Network one(bridged());
  Network two(bridged());
  const auto host_only = [](std::uint16_t number) {
    auto made = port(number, FCVM_PROTO_TCP, "127.0.0.1");
    made.flags = FCVM_PUBLISH_HOST_ONLY;
    return made;
  };
  Request request = with_id("one");
  request.publish = {host_only(4330), port(4331, FCVM_PROTO_TCP, "127.0.0.1")};
  attached(one, request);
  FakeGuest guest(one);
  attached(two, with_id("two"));
  FakeGuest other(two);
  REQUIRE(one.publish(host_only(4332)) == 0);
  for (const std::uint16_t number : {4330, 4331, 4332}) {
    CHECK(through("127.0.0.1", number, FCVM_PROTO_TCP) == "published");
  }
  CHECK(reached(other, "10.0.2.2", 4331) == "hello");
  for (const std::uint16_t number : {4330, 4332}) {
    CHECK(reached(other, "10.0.2.2", number).empty());
    CHECK(reached(guest, "10.0.2.2", number).empty());
  }
}

TEST_CASE("bridged: a published port is nobody else's") {
  if (root_environment() == nullptr) return;
  Network first(bridged());
  Network second(bridged());
  Request request = with_id("first");
  request.publish = {port(4320, FCVM_PROTO_TCP, kHostIpv4), port(4320, FCVM_PROTO_UDP, kHostIpv4)};
  attached(first, request);
  for (const auto& taken : request.publish) {
    Request same = with_id("second");
    same.publish = {taken};
    CHECK(second.attach(same) == -EADDRINUSE);
    CHECK_THAT(second.message(), Contains("192.0.2.2:4320"));
  }
  CHECK_FALSE(ServerSockets::bind(kHostIpv4, 4320));
  Request wrong = with_id("second");
  wrong.publish = {port(4321, FCVM_PROTO_TCP, "198.51.100.1")};
  CHECK(second.attach(wrong) == -EADDRNOTAVAIL);
  wrong.publish = {port(4321, FCVM_PROTO_TCP, "::1")};
  CHECK(second.attach(wrong) == -EADDRNOTAVAIL);
  CHECK_THAT(second.message(), Contains("::1"));
  REQUIRE(first.detach() == 0);
  CHECK(ServerSockets::bind(kHostIpv4, 4320));
}

TEST_CASE("bridged: a UDP client is led to the VM that has the port now") {
  if (root_environment() == nullptr) return;
  // As long as there is any VM, the kernel remembers whose the client was.
  Network other(bridged());
  Request request;
  request.vm_id = "other";
  REQUIRE(other.attach(request) == 0);
  const auto published = port(4500, FCVM_PROTO_UDP, kHostIpv4);
  const base::Fd client = datagrams_to(kHostIpv4, 4500);
  Network first(bridged());
  Network second(bridged());
  request.vm_id = "first";
  request.publish = {published};
  REQUIRE(first.attach(request) == 0);
  {
    const FakeGuest guest(first);
    CHECK(is_answered(client));
    REQUIRE(first.unpublish(published) == 0);
    CHECK_FALSE(is_answered(client, std::chrono::milliseconds(300)));
    REQUIRE(first.publish(published) == 0);
    CHECK(is_answered(client));
  }
  REQUIRE(first.detach() == 0);
  CHECK_FALSE(is_answered(client, std::chrono::milliseconds(300)));
  request.vm_id = "second";
  REQUIRE(second.attach(request) == 0);
  const FakeGuest guest(second);
  CHECK(is_answered(client));
}

TEST_CASE("bridged and routed: VMs are apart, but for what they publish") {
  if (root_environment() == nullptr) return;
  for (const Backend& backend : {bridged(), routed()}) {
    INFO(backend.name);
    Network one(backend);
    Network other(backend);
    Request request = with_id("other");
    request.publish = {port(4330, FCVM_PROTO_TCP, kHostIpv4), port(4331, FCVM_PROTO_TCP)};
    attached(one, with_id("one"));
    attached(other, request);
    FakeGuest guest(one);
    FakeGuest aim(other);
    const std::string address = other.attachment().host_address;
    if (backend.name == "bridged") {
      CHECK(reached(guest, address, 7).empty());
      CHECK(reached(guest, address, 4331).empty());
    } else {
      const std::string ipv6 = other.attachment().guest_ipv6;
      CHECK(reached(guest, ipv6.substr(0, ipv6.find('/')), 7).empty());
    }
    CHECK(reached(guest, kHostIpv4, 4330) == "hello");
  }
}

TEST_CASE("bridged and routed: names are asked of the host's stub resolver") {
  const Environment* host = root_environment();
  if (host == nullptr) return;
  const Server stub(host->stub_resolver(), "the stub");
  for (const Backend& backend : {bridged(), routed()}) {
    Network network(backend);
    Request request;
    request.flags |= FCVM_NET_NO_HOST_LOOPBACK;
    attached(network, request);
    FakeGuest guest(network);
    CHECK(guest.ask_datagram(network.dns().at(0), 53) == "the stub\n");
    CHECK(guest.ask_stream(network.dns().at(0), 53) == "the stub\n");
  }
}

TEST_CASE("bridged: the world sees the host's address") {
  const Environment* host = root_environment();
  if (host == nullptr) return;
  Network network(bridged());
  attached(network, {});
  FakeGuest guest(network);
  CHECK(seen_outside(*host, guest, kOutsideIpv4) == kHostIpv4);
  CHECK(seen_outside(*host, guest, kOutsideIpv6) == kHostIpv6);
  CHECK(guest.run({"ping", "-c", "1", "-W", "20", kOutsideIpv4}).code == 0);
}

TEST_CASE("routed: the world reaches the VM's own address") {
  const Environment* host = root_environment();
  if (host == nullptr) return;
  Backend given = routed();
  given.texts["ipv6-prefix"] = "2001:db8::ff00/120";
  Network network(given);
  attached(network, {});
  const std::string guest6 = network.attachment().guest_ipv6;
  const std::string own = guest6.substr(0, guest6.find('/'));
  CHECK_THAT(own, StartsWith("2001:db8::ff"));
  FakeGuest guest(network);
  CHECK(from_outside(*host, own, kEcho, FCVM_PROTO_TCP) == "published");
  CHECK(from_outside(*host, own, kEcho, FCVM_PROTO_UDP) == "published");
  CHECK(seen_outside(*host, guest, kOutsideIpv6) == own);
  // A clone has another, and still knows only that one.
  Network clone(given);
  Request kept = with_id("clone");
  kept.flags |= FCVM_NET_REATTACH;
  kept.ipv4 = network.attachment().guest_ipv4;
  kept.ipv6 = guest6;
  kept.mac = network.attachment().mac;
  attached(clone, kept);
  CHECK(std::string(clone.attachment().guest_ipv6) == guest6);
  FakeGuest cloned(clone);
  const std::string outside = seen_outside(*host, cloned, kOutsideIpv6);
  CHECK_THAT(outside, StartsWith("2001:db8::ff"));
  CHECK(outside != own);
  CHECK(from_outside(*host, outside, kEcho, FCVM_PROTO_TCP) == "published");
}

TEST_CASE("routed: without a prefix, VMs are of the host's /64, and masqueraded") {
  const Environment* host = root_environment();
  if (host == nullptr) return;
  Network network(routed());
  attached(network, {});
  const auto own = base::IpPrefix::parse(network.attachment().guest_ipv6);
  REQUIRE(own);
  CHECK(base::IpPrefix::parse("2001:db8::/64")->contains(own->address));
  FakeGuest guest(network);
  CHECK(seen_outside(*host, guest, kOutsideIpv6) == kHostIpv6);
  CHECK(from_outside(*host, own->address.to_string(), kEcho, FCVM_PROTO_TCP) == "published");
}

TEST_CASE("routed: prefixes and addresses that cannot be") {
  if (root_environment() == nullptr) return;
  const std::pair<const char*, const char*> prefixes[] = {
      {"nonsense", "is not an IPv6 prefix"},   {"10.0.0.0/24", "is not an IPv6 prefix"},
      {"2001:db8::", "is not an IPv6 prefix"}, {"fe80::/64", "is not an IPv6 prefix"},
      {"2001:db8::/121", "too long"},          {"2000::/3", "too short"}};
  for (const auto& [text, why] : prefixes) {
    Backend backend = routed();
    backend.texts["ipv6-prefix"] = text;
    Network network(backend);
    CHECK(network.attach({}) == -EINVAL);
    CHECK_THAT(network.message(), Contains(why));
    CHECK_FALSE(network.remedy().empty());
    CHECK(network.probe().status == FCVM_PROBE_UNUSABLE);
  }
  Network network(routed());
  Request request;
  request.ipv6 = "2001:db8:1::5";
  CHECK(network.attach(request) == -EINVAL);
  CHECK_THAT(network.message(), Contains("2001:db8::/64"));
  request.ipv6 = kHostIpv6;
  CHECK(network.attach(request) == -EADDRINUSE);
  request.ipv6 = "2001:db8::77";
  attached(network, request);
  CHECK(std::string(network.attachment().guest_ipv6) == "2001:db8::77/128");
  Network second(routed());
  request.vm_id = "second";
  CHECK(second.attach(request) == -EADDRINUSE);
}

}  // namespace fcvm::test
