// TCP through fcvm-forward: what a client and a guest's server can tell from a direct connection,
// which should be nothing.
#include <algorithm>
#include <chrono>
#include <netinet/tcp.h>

#include "tests/contract/net_forward/forwarder.hpp"

using namespace fcvm;
using namespace fcvm::test;

TEST_CASE("bytes go both ways") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const auto joined = join(forwarder.publish(listener), listener);
  send_text(joined.client, "question");
  CHECK(receive_text(joined.server, 8) == "question");
  send_text(joined.server, "answer");
  CHECK(receive_text(joined.client, 6) == "answer");
}

TEST_CASE("a client that has said all still gets its answer") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  auto joined = join(forwarder.publish(listener), listener);
  send_text(joined.client, "question");
  ::shutdown(joined.client.get(), SHUT_WR);
  CHECK(receive_text(joined.server, 8) == "question");
  CHECK(at_end(joined.server));
  send_text(joined.server, std::string(300'000, 'a'));
  joined.server.reset();
  CHECK(receive_text(joined.client, 300'001) == std::string(300'000, 'a'));
}

TEST_CASE("a server that has said all still hears the client") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const auto joined = join(forwarder.publish(listener), listener);
  send_text(joined.server, "hello");
  ::shutdown(joined.server.get(), SHUT_WR);
  CHECK(receive_text(joined.client, 6) == "hello");
  send_text(joined.client, std::string(300'000, 'b'));
  ::shutdown(joined.client.get(), SHUT_WR);
  CHECK(receive_text(joined.server, 300'001) == std::string(300'000, 'b'));
}

TEST_CASE("both sockets are closed when both sides have ended") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(listener);
  join(port, listener);  // makes what stays: a spare pipe is not there yet
  const std::size_t before = forwarder.open_files();
  for (int i = 0; i < 5; ++i) {
    auto joined = join(port, listener);
    joined.client.reset();
    CHECK(at_end(joined.server));
  }
  // One more round trip, so that the last end was dealt with; then its own two sockets are closed.
  const auto last = join(port, listener);
  send_text(last.client, "x");
  CHECK(receive_text(last.server, 1) == "x");
  CHECK(forwarder.open_files() <= before + 4);
}

TEST_CASE("a guest that refuses is a reset for the client") {
  Forwarder forwarder;
  base::Fd listener = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(listener);
  listener.reset();
  const base::Fd client = connect_to("127.0.0.1", port);
  CHECK(was_reset(client));
}

TEST_CASE("a reset goes on to the other side") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(listener);
  SECTION("of the client") {
    auto joined = join(port, listener);
    close_hard(joined.client);
    CHECK(was_reset(joined.server));
  }
  SECTION("of the server") {
    auto joined = join(port, listener);
    close_hard(joined.server);
    CHECK(was_reset(joined.client));
  }
  SECTION("of a client that had said all") {
    auto joined = join(port, listener);
    ::shutdown(joined.client.get(), SHUT_WR);
    CHECK(at_end(joined.server));
    send_text(joined.server, "unread");
    close_hard(joined.client);
    // What a server sends to a client that has gone fails sooner or later, not never.
    bool failed = false;
    for (int i = 0; i < 1000 && !failed; ++i) {
      failed = ::send(joined.server.get(), "x", 1, MSG_NOSIGNAL) < 0;
      ::usleep(10'000);
    }
    CHECK(failed);
  }
}

TEST_CASE("what a server said before it reset the connection arrives") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  auto joined = join(forwarder.publish(listener), listener);
  send_text(joined.client, "more than the server wants to read");
  char byte = 0;
  REQUIRE(::recv(joined.server.get(), &byte, 1, MSG_PEEK) == 1);
  send_text(joined.server, "413 too large");
  joined.server.reset();  // with something unread: a reset
  CHECK(receive_text(joined.client, 13) == "413 too large");
  CHECK(was_reset(joined.client));
}

TEST_CASE("small pieces go at once") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const auto joined = join(forwarder.publish(listener), listener);
  const int on = 1;  // of the test's own sockets; the forwarder's are what is tested
  for (const base::Fd* socket : {&joined.client, &joined.server}) {
    ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  std::vector<double> took;
  for (int i = 0; i < 51; ++i) {
    const auto began = std::chrono::steady_clock::now();
    // Two writes, far enough apart to be forwarded one by one, and then a wait: with Nagle's
    // algorithm the second would wait for the first one's acknowledgement, which takes 40 ms.
    send_text(joined.client, "a");
    ::usleep(2000);
    send_text(joined.client, "b");
    REQUIRE(receive_text(joined.server, 2) == "ab");
    send_text(joined.server, "c");
    ::usleep(2000);
    send_text(joined.server, "d");
    REQUIRE(receive_text(joined.client, 2) == "cd");
    took.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  std::sort(took.begin(), took.end());
  CHECK(took[took.size() / 2] < 0.040);
}

TEST_CASE("the guest's IPv6 address is tried when its IPv4 address refuses") {
  Forwarder forwarder({"127.0.0.1", "::1"});
  const base::Fd listener = forwarder.guest_listens("::1");
  const auto joined = join(forwarder.publish(listener), listener);
  send_text(joined.client, "six");
  CHECK(receive_text(joined.server, 3) == "six");
}

TEST_CASE("an IPv6 address of the host leads to the guest as well") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_listens();
  const base::Fd listener = listen_at("::1");
  REQUIRE(forwarder.add(1, port_of(server), {listener.get()}) == 0);
  const base::Fd client = connect_to("::1", port_of(listener));
  send_text(client, "six");
  CHECK(receive_text(accept_from(server), 3) == "six");
}

TEST_CASE("a range of ports leads to a range of ports") {
  Forwarder forwarder;
  std::vector<base::Fd> servers;
  std::vector<base::Fd> listeners;
  std::vector<int> passed;
  constexpr std::uint16_t kFirst = 20'000;
  for (std::uint16_t i = 0; i < 5; ++i) {
    servers.push_back(forwarder.guest_listens("127.0.0.1", kFirst + i));
    listeners.push_back(listen_at("127.0.0.1"));
    passed.push_back(listeners.back().get());
  }
  REQUIRE(forwarder.add(7, kFirst, passed) == 0);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto joined = join(port_of(listeners[i]), servers[i]);
    send_text(joined.client, std::to_string(i));
    CHECK(receive_text(joined.server, 1) == std::to_string(i));
  }
}
