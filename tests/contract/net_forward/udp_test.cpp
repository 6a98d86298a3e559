// UDP through fcvm-forward: every peer has a session of its own, and answers come from where the
// question went.
#include <set>

#include "tests/contract/net_forward/forwarder.hpp"

using namespace fcvm;
using namespace fcvm::test;

namespace {

struct Received {
  std::string text;
  sockaddr_in6 from{};
  socklen_t length = sizeof from;

  [[nodiscard]] std::uint16_t port() const { return ntohs(from.sin6_port); }
};

Received receive_datagram(const base::Fd& socket) {
  Received received;
  received.text.resize(65536);
  const ssize_t got = ::recvfrom(socket.get(), received.text.data(), received.text.size(), 0,
                                 reinterpret_cast<sockaddr*>(&received.from), &received.length);
  REQUIRE(got >= 0);
  received.text.resize(static_cast<std::size_t>(got));
  return received;
}

void answer(const base::Fd& socket, const Received& to, const std::string& text) {
  REQUIRE(::sendto(socket.get(), text.data(), text.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to.from),
                   to.length) == static_cast<ssize_t>(text.size()));
}

void send_datagram(const base::Fd& socket, const std::string& text) {
  REQUIRE(::send(socket.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
}

std::uint16_t publish_udp(Forwarder& forwarder, const base::Fd& server,
                          const std::string& host = "127.0.0.1") {
  const base::Fd bound = udp_at(host);
  REQUIRE(forwarder.add(1, port_of(server), {bound.get()}) == 0);
  return port_of(bound);
}

/// Asks and answers once; returns the port that the guest saw.
std::uint16_t round_trip(const base::Fd& client, const base::Fd& server, const std::string& text) {
  send_datagram(client, text);
  const Received asked = receive_datagram(server);
  REQUIRE(asked.text == text);
  answer(server, asked, "re " + text);
  REQUIRE(receive_datagram(client).text == "re " + text);
  return asked.port();
}

}  // namespace

TEST_CASE("peers are told apart and answered each") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_udp();
  const std::uint16_t port = publish_udp(forwarder, server);
  std::vector<base::Fd> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(connect_to("127.0.0.1", port, SOCK_DGRAM));
    send_datagram(clients.back(), "from " + std::to_string(i));
  }
  std::vector<Received> questions;
  std::set<std::uint16_t> ports;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    questions.push_back(receive_datagram(server));
    ports.insert(questions.back().port());
  }
  CHECK(ports.size() == clients.size());
  for (auto asked = questions.rbegin(); asked != questions.rend(); ++asked) {
    answer(server, *asked, "re " + asked->text);
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    CHECK(receive_datagram(clients[i]).text == "re from " + std::to_string(i));
  }
}

TEST_CASE("a peer keeps its session") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_udp();
  const base::Fd client = connect_to("127.0.0.1", publish_udp(forwarder, server), SOCK_DGRAM);
  const std::uint16_t first = round_trip(client, server, "one");
  CHECK(round_trip(client, server, "two") == first);
}

TEST_CASE("an idle session ends, and the peer gets another") {
  Forwarder forwarder({"--udp-idle-ms=200", "127.0.0.1"});
  const base::Fd server = forwarder.guest_udp();
  const base::Fd client = connect_to("127.0.0.1", publish_udp(forwarder, server), SOCK_DGRAM);
  const std::size_t before = forwarder.open_files();
  round_trip(client, server, "one");
  CHECK(forwarder.open_files() == before + 1);
  for (int i = 0; i < 1000 && forwarder.open_files() > before; ++i) ::usleep(10'000);
  CHECK(forwarder.open_files() == before);
  round_trip(client, server, "two");
}

TEST_CASE("an answer comes from the address that was asked, also on a wildcard") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_udp();
  SECTION("IPv4") {
    const std::uint16_t port = publish_udp(forwarder, server, "0.0.0.0");
    // Connected sockets take nothing from any other address. One peer may ask at several.
    const base::Fd nine = connect_to("127.0.0.9", port, SOCK_DGRAM);
    const base::Fd ten = connect_to("127.0.0.10", port, SOCK_DGRAM);
    round_trip(nine, server, "nine");
    round_trip(ten, server, "ten");
  }
  SECTION("IPv6") {
    const std::uint16_t port = publish_udp(forwarder, server, "::");
    const base::Fd client = connect_to("::1", port, SOCK_DGRAM);
    round_trip(client, server, "six");
  }
}

TEST_CASE("datagrams of any size keep their borders") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_udp();
  const base::Fd client = connect_to("127.0.0.1", publish_udp(forwarder, server), SOCK_DGRAM);
  round_trip(client, server, "");
  round_trip(client, server, std::string(60'000, 'u'));
  for (int i = 0; i < 100; ++i) send_datagram(client, std::string(static_cast<size_t>(i), 'n'));
  for (std::size_t i = 0; i < 100; ++i) REQUIRE(receive_datagram(server).text.size() == i);
}

TEST_CASE("a guest that was not listening yet is reached as soon as it does") {
  Forwarder forwarder;
  base::Fd server = forwarder.guest_udp();
  const std::uint16_t guest_port = port_of(server);
  const base::Fd client = connect_to("127.0.0.1", publish_udp(forwarder, server), SOCK_DGRAM);
  server.reset();
  for (int i = 0; i < 3; ++i) send_datagram(client, "lost");
  REQUIRE(forwarder.open_files() > 0);  // the datagrams have been dealt with
  server = forwarder.guest_udp("127.0.0.1", guest_port);
  round_trip(client, server, "found");
}

TEST_CASE("more peers than files: the longest unused session goes") {
  constexpr rlim_t kFiles = 350;  // 29 sessions
  Forwarder forwarder({"127.0.0.1"}, kFiles);
  const base::Fd server = forwarder.guest_udp();
  const std::uint16_t port = publish_udp(forwarder, server);
  std::vector<base::Fd> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(connect_to("127.0.0.1", port, SOCK_DGRAM));
    round_trip(clients.back(), server, "peer " + std::to_string(i));
  }
  CHECK(forwarder.open_files() < 50);
  round_trip(clients.front(), server, "again");
}
