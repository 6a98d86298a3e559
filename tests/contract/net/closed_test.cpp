// What a guest does not reach unless it was opened, in every network mode and by real packets: the
// host's loopback, the host's own addresses, link-local ones; and how narrow each opening is.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/net/rtnetlink.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/contract/net/server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {
namespace {

constexpr std::uint32_t kClosed = FCVM_NET_WANT_IPV6 | FCVM_NET_NO_HOST_LOOPBACK;
constexpr const char* kGateway = "10.0.2.2";
constexpr const char* kGateway6 = "fd00::2";
constexpr std::uint16_t kPort = 4600;
constexpr std::uint16_t kOther = 4601;

Request closed(std::uint32_t opened = 0) {
  Request request;
  request.flags = kClosed | opened;
  return request;
}

fcvm_net_opening opening(std::uint32_t what, std::uint32_t protocol, std::uint16_t first,
                         const char* address = nullptr) {
  auto made = sized<fcvm_net_opening>();
  made.what = what;
  made.protocol = protocol;
  made.first_port = first;
  made.count = 1;
  made.address = address;
  return made;
}

/// What a TCP client in the guest hears, or how it failed: "refused" when it was told at once,
/// which a busy machine may make several seconds; "silence" when it had to give up.
std::string heard(FakeGuest& guest, const std::string& address, std::uint16_t number) {
  const std::string where = address + "/" + std::to_string(number);
  const auto answer =
      guest.shell("timeout 30 bash -c 'exec 3<>/dev/tcp/" + where + " && cat <&3' 2>/dev/null");
  if (answer.code == 124) return "silence";
  return answer.code != 0 ? "refused" : answer.text;
}

/// By UDP: "" when nothing comes.
std::string heard_by_udp(FakeGuest& guest, const std::string& address, std::uint16_t number) {
  const std::string where = address + "/" + std::to_string(number);
  return guest
      .shell("exec 3<>/dev/udp/" + where +
             " && for i in 1 2; do echo q >&3; timeout 1 dd bs=65536 count=1 status=none <&3 "
             "&& break; done 2>/dev/null")
      .text;
}

void attach(Network& network, const Request& request) {
  const int code = network.attach(request);
  INFO(network.message());
  REQUIRE(code == 0);
}

/// Runs `check` for each network mode, with a fresh network of that kind.
template <typename Check>
void in_every_mode(const Request& request, Check check) {
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    Network network(backend);
    attach(network, request);
    FakeGuest guest(network);
    check(guest, network, backend);
  }
}

/// The guest's own kernel is talked into sending to 127.0.0.1, as no ordinary one does.
std::string heard_from_raw_loopback(FakeGuest& guest) {
  guest.shell(
      "echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet; ip address del 127.0.0.1/8 dev lo;"
      "ip route add 127.0.0.1/32 via 10.0.2.2 dev eth0 src $(ip -4 -o address show dev eth0 | "
      "sed 's/.*inet \\([0-9.]*\\).*/\\1/')");
  return heard(guest, "127.0.0.1", kPort);
}

TEST_CASE("closed: the host's loopback") {
  if (Environment::get() == nullptr) return;
  const Server server("127.0.0.1", kPort, "the loopback");
  const Server server6("::1", kPort, "the loopback");
  in_every_mode(closed(), [](FakeGuest& guest, Network& network, const Backend&) {
    CHECK(std::string(network.attachment().host_gateway).empty());
    CHECK(heard(guest, kGateway, kPort) == "refused");
    CHECK(heard_by_udp(guest, kGateway, kPort).empty());
    CHECK(heard(guest, kGateway6, kPort) == "refused");
    CHECK_THAT(heard_from_raw_loopback(guest), !fcvm::test::Contains("the loopback"));
  });
}

TEST_CASE("closed: the host's own addresses, and what is not a resolver's port") {
  const Environment* host = Environment::get();
  if (host == nullptr) return;
  const Server stub(host->stub_resolver(), "the stub");
  const Server lan(kHostIpv4, kPort, "the host");
  const Server lan6(kHostIpv6, kPort, "the host");
  const Server names(kHostIpv4, kOther, "the host");
  in_every_mode(closed(), [](FakeGuest& guest, Network& network, const Backend&) {
    CHECK(heard(guest, kHostIpv4, kPort) == "refused");
    CHECK(heard_by_udp(guest, kHostIpv4, kPort).empty());
    CHECK(heard(guest, kHostIpv6, kPort) == "refused");
    const std::string resolver = network.dns().at(0);
    CHECK(guest.ask_datagram(resolver, 53) == "the stub\n");
    CHECK(heard(guest, resolver, kPort) == "refused");
    CHECK(heard(guest, resolver, 22) == "refused");
    CHECK(heard(guest, "10.0.2.77", kPort) == "refused");
  });
}

TEST_CASE("closed: link-local addresses, and where clouds answer") {
  const Environment* host = Environment::get();
  if (host == nullptr) return;
  const Server metadata(host->metadata_ipv4(), "credentials");
  const Server metadata6(host->metadata_ipv6(), "credentials");
  in_every_mode(closed(), [](FakeGuest& guest, Network&, const Backend& backend) {
    if (backend.reaches_outside_v4) CHECK(heard(guest, kMetadataIpv4, kOutsidePort) == "refused");
    CHECK(heard(guest, kMetadataIpv6, kOutsidePort) == "refused");
    for (const char* other : {"168.63.129.16", "100.100.100.200", "169.254.0.23"}) {
      INFO(other);
      CHECK(heard(guest, other, 80) == "refused");
    }
  });
  in_every_mode(closed(FCVM_NET_LINK_LOCAL), [](FakeGuest& guest, Network&, const Backend&) {
    CHECK(heard(guest, kMetadataIpv4, kOutsidePort) == "credentials\n");
    CHECK(heard(guest, kMetadataIpv6, kOutsidePort) == "credentials\n");
  });
}

TEST_CASE("closed: an opening is as narrow as it was asked to be") {
  if (Environment::get() == nullptr) return;
  const Server loopback("127.0.0.1", kPort, "the loopback");
  const Server beside("127.0.0.1", kOther, "the loopback");
  const Server lan(kHostIpv4, kPort, "the host");
  const Server lan_beside(kHostIpv4, kOther, "the host");
  Request request = closed();
  request.openings = {opening(FCVM_OPEN_HOST_LOOPBACK, FCVM_PROTO_TCP, kPort),
                      opening(FCVM_OPEN_HOST_ADDRESSES, 0, kOther)};
  in_every_mode(request, [](FakeGuest& guest, Network& network, const Backend&) {
    CHECK(std::string(network.attachment().host_gateway) == kGateway);
    CHECK(heard(guest, kGateway, kPort) == "the loopback\n");
    CHECK(heard_by_udp(guest, kGateway, kPort).empty());
    CHECK(heard(guest, kGateway, kOther) == "refused");
    CHECK(heard(guest, kHostIpv4, kPort) == "refused");
    CHECK(heard(guest, kHostIpv4, kOther) == "the host\n");
    CHECK(guest.ask_datagram(kHostIpv4, kOther) == "the host\n");
  });
  request.openings = {opening(FCVM_OPEN_ADDRESS, FCVM_PROTO_TCP, kPort, kHostIpv4)};
  in_every_mode(request, [](FakeGuest& guest, Network&, const Backend&) {
    CHECK(heard(guest, kHostIpv4, kPort) == "the host\n");
    CHECK(heard(guest, kHostIpv4, kOther) == "refused");
  });
  in_every_mode(closed(FCVM_NET_HOST_ADDRESSES), [](FakeGuest& guest, Network&, const Backend&) {
    CHECK(heard(guest, kHostIpv4, kPort) == "the host\n");
    CHECK(heard(guest, kGateway, kPort) == "refused");
  });
}

TEST_CASE("closed: what a VM publishes on the host it reaches there itself") {
  if (Environment::get() == nullptr) return;
  Request request = closed();
  request.publish = {port(4610, FCVM_PROTO_TCP, kHostIpv4)};
  in_every_mode(request, [](FakeGuest& guest, Network&, const Backend&) {
    const auto answer = guest.shell(std::string("timeout 30 bash -c 'exec 3<>/dev/tcp/") +
                                    kHostIpv4 + "/4610 && echo hello >&3 && head -c 5 <&3'");
    CHECK(answer.text == "hello");
    CHECK(heard(guest, kHostIpv4, 4611) == "refused");
  });
}

TEST_CASE("closed: a resolver on the loopback that the user named is asked, and nothing else") {
  const Environment* host = Environment::get();
  if (host == nullptr) return;
  const Server names("127.0.0.1", kPort, "the loopback");
  Request request = closed();
  request.dns = {"127.0.0.1"};
  in_every_mode(request, [](FakeGuest& guest, Network& network, const Backend&) {
    CHECK(network.dns().at(0) == kGateway);
    CHECK(std::string(network.attachment().host_gateway).empty());
    CHECK(heard(guest, kGateway, kPort) == "refused");
  });
}

TEST_CASE("closed: an address that the host gets later") {
  if (Environment::get() == nullptr) return;
  FCVM_SKIP_IF(::geteuid() != 0, "only root may give the host an address");
  constexpr const char* kLater = "192.0.2.77";
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    Network network(backend);
    attach(network, closed());
    FakeGuest guest(network);
    auto kernel = base::Rtnetlink::open();
    REQUIRE(kernel);
    const unsigned uplink = kernel->link("eth0")->index;
    const auto later = *base::IpPrefix::parse(std::string(kLater) + "/24");
    base::NetworkChange change;
    change.add_address(uplink, later);
    REQUIRE(kernel->apply(change));
    {
      const Server server(kLater, kPort, "the host");
      const auto limit = base::Deadline::in(std::chrono::seconds(20));
      std::string answer;
      do {
        answer = heard(guest, kLater, kPort);
      } while (answer != "refused" && !limit.expired());
      CHECK(answer == "refused");
    }
    base::NetworkChange undo;
    undo.delete_address(uplink, later);
    REQUIRE(kernel->apply(undo));
  }
}

}  // namespace
}  // namespace fcvm::test
