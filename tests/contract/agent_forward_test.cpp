#include <netinet/in.h>
#include <thread>

#include "tests/contract/agent_client.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::tests {
namespace {

struct Listener {
  base::Fd socket;
  std::uint16_t port = 0;
};

Listener listen_on_loopback() {
  Listener listener;
  listener.socket = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener.socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener.socket.get(), 8) == 0);
  ::getsockname(listener.socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  listener.port = ntohs(address.sin_port);
  return listener;
}

TEST_CASE("forward: bytes both ways, early ones and both ends included") {
  const RunningAgent agent;
  const Listener listener = listen_on_loopback();
  std::thread echo([&] {
    const base::Fd peer(::accept(listener.socket.get(), nullptr, nullptr));
    char bytes[65536];
    for (ssize_t got = 0; (got = ::recv(peer.get(), bytes, sizeof bytes, 0)) > 0;) {
      static_cast<void>(base::write_all(peer.get(), {bytes, static_cast<std::size_t>(got)}));
    }
  });
  Connection connection = agent.dial_silently(wire::kForwardPort);
  connection.send(wire::encode(wire::Hello{}) + wire::encode(wire::ForwardRequest{listener.port}) +
                  "early");
  static_cast<void>(connection.expect<wire::Hello>());
  CHECK(connection.expect<wire::ForwardReply>().code == 0);
  const std::string much(5'000'000, 'm');
  std::thread sender([&] {
    connection.send(much);
    ::shutdown(connection.fd(), SHUT_WR);
  });
  CHECK(connection.read_raw() == "early" + much);
  sender.join();
  echo.join();
}

TEST_CASE("forward: a port on which nobody listens is refused with its reason") {
  const RunningAgent agent;
  std::uint16_t port = 0;
  { port = listen_on_loopback().port; }
  Connection connection = agent.dial(wire::kForwardPort);
  connection.say(wire::ForwardRequest{port});
  CHECK(connection.expect<wire::ForwardReply>().code == ECONNREFUSED);
  CHECK_FALSE(connection.next());
}

TEST_CASE("forward: where IPv6 is switched off, the reason is that of IPv4") {
  FCVM_SKIP_IF(::geteuid() != 0, "makes a network namespace, as root");
  const RunningAgent agent({"unshare", "--net", "sh", "-c",
                            "ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 "
                            "&& exec \"$0\" \"$@\""});
  Connection connection = agent.dial(wire::kForwardPort);
  connection.say(wire::ForwardRequest{9});
  CHECK(connection.expect<wire::ForwardReply>().code == ECONNREFUSED);
}

TEST_CASE("forward: garbage for a request is refused") {
  const RunningAgent agent;
  Connection connection = agent.dial(wire::kForwardPort);
  connection.say(wire::ForwardRequest{0});
  CHECK(connection.expect<wire::Refusal>().code == EINVAL);
}

}  // namespace
}  // namespace fcvm::tests
