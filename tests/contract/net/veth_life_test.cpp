// What net.bridged and net.routed make on the host, and that nothing of it is left after detach,
// nor after a hundred at once. Addresses, and what becomes of them.
#include <atomic>
#include <cstdio>
#include <functional>
#include <set>
#include <sys/resource.h>
#include <thread>

#include "core/base/io/poll.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/contract/net/host_state.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

using fcvm::test::Contains;

/// What this process has computed, in the kernel too.
std::int64_t cpu_ms() {
  rusage usage{};
  REQUIRE(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto ms = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * 1000 + time.tv_usec / 1000;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

}  // namespace

TEST_CASE("bridged and routed leave nothing behind") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  for (const Backend& backend : {bridged(), routed()}) {
    MemoryState state;
    Network network(backend, &state);
    Request request;
    request.publish = {port(4400, FCVM_PROTO_TCP, kHostIpv4)};
    REQUIRE(network.attach(request) == 0);
    CHECK(state.entries.size() == 1);
    CHECK(state_of_host() != before);
    {
      Network second(backend);
      REQUIRE(second.attach(with_id("second")) == 0);
    }
    // The first still needs what both did.
    CHECK_THAT(state_of_host(), Contains("ipv4/conf/eth0/forwarding = 1"));
    REQUIRE(network.detach() == 0);
    CHECK(state_when_quiet(before) == before);
    CHECK(state.entries.empty());
  }
}

TEST_CASE("a failed attach of bridged or routed leaves nothing behind") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  for (const Backend& backend : {bridged(), routed()}) {
    MemoryState state;
    Network network(backend, &state);
    Request request;
    request.publish = {port(4401, FCVM_PROTO_TCP, kHostIpv4),
                       port(4401, FCVM_PROTO_TCP, kHostIpv4)};
    CHECK(network.attach(request) == -EADDRINUSE);
    for (const int deadline : {1, 3, 6}) {
      if (network.attach({}, deadline) == 0) CHECK(network.detach() == 0);
    }
    CHECK(state.entries.empty());
    CHECK(state_when_quiet(before) == before);
  }
}

/// Makes and removes so many; what that took, in ms of computing.
std::int64_t live_at_once(int count) {
  std::vector<std::unique_ptr<Network>> networks;
  for (int i = 0; i < count; ++i) networks.push_back(std::make_unique<Network>(bridged()));
  const auto at_once = [&](const std::function<int(int)>& each) {
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&, i] { failures += each(i) != 0 ? 1 : 0; });
    }
    for (auto& thread : threads) thread.join();
    return failures.load();
  };
  const std::int64_t cpu_before = cpu_ms();
  const auto attach = [&](int i) {
    return networks[static_cast<std::size_t>(i)]->attach(with_id("vm" + std::to_string(i)));
  };
  REQUIRE(at_once(attach) == 0);
  std::set<std::string> addresses;
  for (const auto& network : networks) addresses.insert(network->attachment().host_address);
  CHECK(addresses.size() == networks.size());
  REQUIRE(at_once([&](int i) { return networks[static_cast<std::size_t>(i)]->detach(); }) == 0);
  networks.clear();
  return cpu_ms() - cpu_before;
}

TEST_CASE("a hundred bridged networks are made and removed at once") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  const std::int64_t few = live_at_once(10);
  const std::int64_t many = live_at_once(100);
  std::printf("networks at once: 10 take %lld ms of computing, 100 take %lld\n",
              static_cast<long long>(few), static_cast<long long>(many));
  // What one takes is the machine's affair. The kernel looks at all interfaces for each, so that ten
  // times as many may take a hundred times as long; nothing here may make it worse.
  CHECK(many < 100 * few + 2'000);
  CHECK(state_when_quiet(before) == before);
}

TEST_CASE("bridged: addresses are chosen, taken, exhausted") {
  if (!is_root_environment()) return;
  Backend small = bridged();
  small.texts["address-pool"] = "172.29.0.0/29";
  Network first(small);
  Request request = with_id("first");
  request.ipv4 = "172.29.0.6";
  REQUIRE(first.attach(request) == 0);
  CHECK(std::string(first.attachment().host_address) == "172.29.0.6");
  CHECK(std::string(first.attachment().guest_ipv4) == "10.0.2.100/24");
  Network second(small);
  request.vm_id = "second";
  CHECK(second.attach(request) == -EADDRINUSE);
  request.ipv4 = "172.29.0.5";  // the host's end
  CHECK(second.attach(request) == -EINVAL);
  CHECK_THAT(second.message(), Contains("172.29.0.0/29"));
  request.ipv4 = "10.0.2.77";
  REQUIRE(second.attach(request) == 0);
  CHECK(std::string(second.attachment().guest_ipv4) == "10.0.2.77/24");
  CHECK(std::string(second.attachment().host_address) == "172.29.0.2");
  Network third(small);
  CHECK(third.attach(with_id("third")) == -ENOSPC);
  CHECK_THAT(third.message(), Contains("all 2 networks of the address pool 172.29.0.0/29"));
  CHECK_FALSE(third.remedy().empty());
  REQUIRE(first.detach() == 0);
  CHECK(third.attach(with_id("third")) == 0);
  Backend used = bridged();
  used.texts["address-pool"] = "192.0.2.0/24";
  Network of_the_host(used);
  CHECK(of_the_host.attach({}) == -ENOSPC);
  CHECK_THAT(of_the_host.message(), Contains("192.0.2.2/24 of eth0"));
  Backend wrong = bridged();
  for (const char* pool : {"172.30.0.0", "172.30.0.1/16", "172.30.0.0/31", "fd00::/64", "x"}) {
    wrong.texts["address-pool"] = pool;
    CHECK(Network(wrong).attach({}) == -EINVAL);
    CHECK(Network(wrong).probe().status == FCVM_PROBE_UNUSABLE);
  }
}

TEST_CASE("bridged: an address can be had again as soon as its VM has gone") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  {
    Network network(bridged());
    Request request = with_id("again");
    request.ipv4 = "172.30.7.2";
    base::Fd connection;
    for (int round = 0; round < 3; ++round) {
      INFO(network.message());
      REQUIRE(network.attach(request) == 0);
      CHECK(std::string(network.attachment().host_address) == "172.30.7.2");
      // It holds the namespace, and so the host's end of the veth pair.
      const FakeGuest guest(network);
      REQUIRE(network.dial(FCVM_PROTO_TCP, kEcho, connection) == 0);
      CHECK(exchange(connection, "hello", 5) == "hello");
      REQUIRE(network.detach() == 0);
      const std::string left = state_of_host();
      CHECK_THAT(left, !Contains("172.30.7."));
      CHECK_THAT(left, !Contains("fcvm_again"));
    }
    request.vm_id = "elsewhere";
    request.ipv4.clear();
    REQUIRE(network.attach(request) == 0);
  }
  CHECK(state_when_quiet(before) == before);
}

TEST_CASE("bridged: a firewall that is flushed is noticed") {
  if (!is_root_environment()) return;
  Network network(bridged());
  REQUIRE(network.attach({}) == 0);
  int watch = -1;
  REQUIRE(network.health(watch) == 0);
  REQUIRE(watch >= 0);
  output_of({"nft", "flush", "ruleset"});
  REQUIRE(base::wait_readable(watch, base::Deadline::in(std::chrono::seconds(30))));
  CHECK(network.health(watch) == -ENOENT);
  CHECK_THAT(network.message(), Contains("fcvm_contract was deleted"));
  REQUIRE(network.detach() == 0);
}

TEST_CASE("routed: so is one with a published port, whose forwarder is watched as well") {
  if (!is_root_environment()) return;
  Network network(routed());
  Request request;
  request.publish = {port(4700, FCVM_PROTO_TCP)};
  REQUIRE(network.attach(request) == 0);
  int watch = -1;
  for (int i = 0; i < 2; ++i) REQUIRE(network.health(watch) == 0);
  REQUIRE(watch >= 0);
  output_of({"nft", "flush", "ruleset"});
  REQUIRE(base::wait_readable(watch, base::Deadline::in(std::chrono::seconds(30))));
  CHECK(network.health(watch) == -ENOENT);
  REQUIRE(network.detach() == 0);
}

TEST_CASE("routed: the death of a forwarder is noticed that came with a later port") {
  if (!is_root_environment()) return;
  Network network(routed());
  REQUIRE(network.attach({}) == 0);
  int watch = -1;
  REQUIRE(network.health(watch) == 0);
  REQUIRE(network.publish(port(4700, FCVM_PROTO_TCP)) == 0);
  CHECK(kill_children("fcvm-forward") == 1);
  REQUIRE(base::wait_readable(watch, base::Deadline::in(std::chrono::seconds(30))));
  CHECK(network.health(watch) == -EPIPE);
  REQUIRE(network.detach() == 0);
}

}  // namespace fcvm::test
