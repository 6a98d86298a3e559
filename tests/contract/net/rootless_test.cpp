// What is net.rootless's own: its addresses, pasta's death, DNS, and hosts that lack something.
#include <cstdlib>
#include <future>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/io/poll.hpp"
#include "core/base/net/rtnetlink.hpp"
#include "core/base/process/child.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/contract/net/server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {
namespace {

using fcvm::test::Contains;

/// Whether the descriptor to be polled says in time that something has changed.
bool noticed(int watch) {
  return base::wait_readable(watch, base::Deadline::in(std::chrono::seconds(30))).has_value();
}

void dies_with(const char* helper, const char* said) {
  Network network(rootless());
  REQUIRE(network.attach({}) == 0);
  int watch = -1;
  REQUIRE(network.health(watch) == 0);
  REQUIRE(watch >= 0);
  CHECK_FALSE(base::wait_readable(watch, base::Deadline::in(std::chrono::milliseconds(50))));
  CHECK(kill_children(helper) == 1);
  CHECK(noticed(watch));
  CHECK(network.health(watch) == -EPIPE);
  CHECK_THAT(network.message(), Contains(said));
  CHECK(network.health(watch) == -EPIPE);
  CHECK_THAT(network.message(), Contains(said));
  CHECK(network.detach() == 0);
}

TEST_CASE("rootless: the addresses are the documented ones") {
  if (Environment::get() == nullptr) return;
  Network network(rootless());
  const int attached = network.attach({});
  INFO(network.message());
  REQUIRE(attached == 0);
  const auto& given = network.attachment();
  CHECK(std::string(given.guest_ipv4) == "10.0.2.100/24");
  CHECK(std::string(given.gateway_ipv4) == "10.0.2.2");
  CHECK(std::string(given.guest_ipv6) == "fd00::100/64");
  CHECK(std::string(given.gateway_ipv6) == "fd00::2");
  CHECK(std::string(given.host_gateway) == "10.0.2.2");
  CHECK(network.user_namespace() >= 0);
  CHECK(given.mtu == 65520);
  FakeGuest guest(network);
  for (const char* reached : {"10.0.2.1", kOutsideIpv4, kOutsideIpv6}) {
    INFO(reached);
    CHECK(guest.run({"ping", "-c", "1", "-W", "20", reached}).code == 0);
  }
}

TEST_CASE("rootless: an address of the network may be chosen, and the MTU") {
  if (Environment::get() == nullptr) return;
  Network network(rootless());
  Request request;
  request.ipv4 = "10.0.2.15";
  request.flags = 0;
  request.mtu = 1400;
  REQUIRE(network.attach(request) == 0);
  CHECK(std::string(network.attachment().guest_ipv4) == "10.0.2.15/24");
  CHECK(std::string(network.attachment().guest_ipv6).empty());
  CHECK(network.attachment().mtu == 1400);
  const Server server("127.0.0.1", 4100, "the loopback");
  FakeGuest guest(network);
  CHECK(guest.ask_stream("10.0.2.2", 4100) == "the loopback\n");
  REQUIRE(network.detach() == 0);
  for (const char* taken : {"10.0.2.0", "10.0.2.1", "10.0.2.2/24", "10.0.2.3", "10.0.2.255/24",
                            "10.0.2.15/16", "10.0.3.15/24"}) {
    request.ipv4 = taken;
    CHECK(network.attach(request) == -EINVAL);
    CHECK_THAT(network.message(), Contains("10.0.2.4 to 10.0.2.254"));
  }
  request.ipv4.clear();
  request.mtu = 70000;
  CHECK(network.attach(request) == -ERANGE);
}

TEST_CASE("rootless: names are asked of the host's stub resolver") {
  const Environment* host = Environment::get();
  if (host == nullptr) return;
  const Server stub(host->stub_resolver(), "the stub");
  for (const std::uint32_t flags : {FCVM_NET_WANT_IPV6, FCVM_NET_NO_HOST_LOOPBACK}) {
    Network network(rootless());
    Request request;
    request.flags = flags;
    REQUIRE(network.attach(request) == 0);
    CHECK(network.dns().at(0) == "10.0.2.3");
    FakeGuest guest(network);
    CHECK(guest.ask_datagram("10.0.2.3", 53) == "the stub\n");
  }
}

TEST_CASE("rootless: the host's loopback is reached by IPv6, too") {
  if (Environment::get() == nullptr) return;
  const Server server("::1", 4102, "the loopback");
  Network network(rootless());
  REQUIRE(network.attach({}) == 0);
  FakeGuest guest(network);
  CHECK(guest.ask_stream("fd00::2", 4102) == "the loopback\n");
}

/// Takes one connection, and answers once the other side has closed its half; then holds it open.
struct HeldConnection {
  base::Fd stream;
  std::string heard;
};
HeldConnection answer_at_end(const ServerSockets& sockets) {
  const auto called =
      base::wait_readable(sockets.stream.get(), base::Deadline::in(std::chrono::seconds(60)));
  if (!called) return {};
  base::Fd stream(::accept4(sockets.stream.get(), nullptr, nullptr, SOCK_CLOEXEC));
  auto heard = base::read_all(stream.get(), 1 << 20);
  (void)base::write_all(stream.get(), "answer;");
  return {std::move(stream), heard ? *heard : heard.error().message()};
}

TEST_CASE("rootless: who has closed its half hears the answer once, but for old pastas") {
  if (Environment::get() == nullptr) return;
  Network network(rootless());
  REQUIRE(network.attach({}) == 0);
  FakeGuest guest(network);
  const auto probed = network.probe();
  const bool repeats = probed.status == FCVM_PROBE_DEGRADED;
  INFO("pasta's version: " << text_of(probed.detail));
  const auto sockets = ServerSockets::bind("127.0.0.1", 4103);
  REQUIRE(sockets);
  auto served = std::async(std::launch::async, answer_at_end, std::cref(*sockets));
  // Ends as soon as it has heard the answer twice.
  const std::string patience = repeats ? "60" : "3";
  const auto heard =
      guest.shell("printf question | timeout " + patience +
                  " " FCVM_TEST_NET_PEER " talk 10.0.2.2 4103 2>/dev/null | head -c 14");
  CHECK(heard.text == (repeats ? "answer;answer;" : "answer;"));
  CHECK(served.get().heard == "question");
}

TEST_CASE("rootless: resolvers that the user names are used, if the guest reaches them") {
  if (Environment::get() == nullptr) return;
  Network network(rootless());
  Request request;
  request.dns = {"192.0.2.53", "127.0.0.1"};
  REQUIRE(network.attach(request) == 0);
  CHECK(network.dns().at(0) == "192.0.2.53");
  CHECK(network.dns().at(1) == "10.0.2.2");
  CHECK(network.dns().size() == 2);
  REQUIRE(network.detach() == 0);
  for (const char* unreachable : {"127.0.0.9", "nonsense"}) {
    request.dns = {unreachable};
    CHECK(network.attach(request) == -EINVAL);
    CHECK_THAT(network.message(), Contains(unreachable));
  }
}

/// The host's default routes are away as long as this lives.
class Offline {
 public:
  Offline() : kernel_(*base::Rtnetlink::open()) {
    for (const int family : {AF_INET, AF_INET6}) {
      if (const auto route = *kernel_.default_route(family)) routes_.push_back(*route);
    }
    REQUIRE(routes_.size() == 2);
    base::NetworkChange change;
    for (const auto& route : routes_) change.delete_route(route);
    REQUIRE(kernel_.apply(change));
  }
  Offline(const Offline&) = delete;
  Offline& operator=(const Offline&) = delete;
  ~Offline() {
    base::NetworkChange change;
    for (const auto& route : routes_) change.add_route(route);
    if (!kernel_.apply(change)) std::abort();
  }

 private:
  base::Rtnetlink kernel_;
  std::vector<base::Route> routes_;
};

TEST_CASE("rootless: a host without a default route has a loopback all the same") {
  if (Environment::get() == nullptr) return;
  FCVM_SKIP_IF(::geteuid() != 0, "only root may take routes away");
  const Offline offline;
  const Server server("127.0.0.1", 4101, "the loopback");
  for (const std::uint32_t flags : {0U, FCVM_NET_WANT_IPV6}) {
    Network network(rootless());
    Request request;
    request.flags = flags;
    const int attached = network.attach(request);
    INFO(network.message());
    REQUIRE(attached == 0);
    FakeGuest guest(network);
    CHECK(guest.ask_stream("10.0.2.2", 4101) == "the loopback\n");
  }
}

TEST_CASE("rootless: the death of a helper is noticed and told") {
  if (Environment::get() == nullptr) return;
  const auto pasta = GENERATE(true, false);
  if (pasta) {
    dies_with("pasta", "pasta was killed by signal 9");
  } else {
    dies_with("fcvm-net-holder", "fcvm-net-holder was killed by signal 9");
  }
}

TEST_CASE("rootless: without pasta both probe and attach say what to install") {
  if (Environment::get() == nullptr) return;
  Backend backend = rootless();
  backend.texts["pasta"] = "/nonexistent/pasta";
  Network network(backend);
  CHECK(network.attach({}) == -ENOENT);
  CHECK_THAT(network.remedy(), Contains("apt install passt"));
  CHECK(network.probe().status == FCVM_PROBE_UNUSABLE);
  CHECK(children_of(::getpid()).empty());
}

TEST_CASE("rootless: a pasta that does not start is quoted") {
  if (Environment::get() == nullptr) return;
  Backend backend = rootless();
  backend.texts["pasta"] = "/bin/sh";
  Network network(backend);
  CHECK(network.attach({}) < 0);
  CHECK_THAT(network.message(), Contains("pasta exited with"));
  CHECK(children_of(::getpid()).empty());
}

TEST_CASE("rootless: probe says that it works here") {
  if (Environment::get() == nullptr) return;
  Network network(rootless());
  const fcvm_probe found = network.probe();
  INFO(found.reason);
  CHECK(found.status != FCVM_PROBE_UNUSABLE);
}

}  // namespace
}  // namespace fcvm::test
