// What net.bridged and net.routed make on the host, and that nothing of it is left: after detach,
// after SIGKILL, after a hundred at once.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <thread>

#include "core/base/child.hpp"
#include "core/base/file.hpp"
#include "core/base/pipe.hpp"
#include "core/base/poll.hpp"
#include "core/base/rtnetlink.hpp"
#include "core/base/spawn.hpp"
#include "core/base/temp_dir.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/contract/net/network.hpp"
#include "tests/contract/net/server.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

using fcvm::test::Contains;

bool is_root_environment() { return Environment::get() != nullptr && ::geteuid() == 0; }

std::string output_of(const std::vector<std::string>& words) {
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  base::SpawnOptions options;
  options.argv = words;
  options.stdout_fd = pipe->write_end.get();
  auto child = base::spawn(options);
  REQUIRE(child);
  pipe->write_end.reset();
  auto text = base::read_all(pipe->read_end.get(), 1 << 20);
  REQUIRE(text);
  REQUIRE(child->wait());
  return *std::move(text);
}

/// Everything that the plugins could change on the host. Counters and caches are left out.
std::string state_of_host() {
  std::string text = output_of({"nft", "list", "ruleset"});
  for (const char* what : {"link", "address", "route", "-6 route", "-6 neighbour show proxy"}) {
    std::istringstream words(std::string("ip -o ") + what);
    std::vector<std::string> argv;
    for (std::string word; words >> word;) argv.push_back(word);
    text += output_of(argv);
  }
  // The kernel may still be busy with the link-local address of eth0.
  const std::string busy = " tentative";
  for (auto at = text.find(busy); at != std::string::npos; at = text.find(busy)) {
    text.erase(at, busy.size());
  }
  for (const char* setting :
       {"ipv4/ip_forward", "ipv4/conf/eth0/forwarding", "ipv6/conf/all/forwarding",
        "ipv6/conf/eth0/forwarding", "ipv6/conf/eth0/accept_ra", "ipv6/conf/eth0/proxy_ndp"}) {
    const auto value = base::read_file(std::string("/proc/sys/net/") + setting);
    REQUIRE(value);
    text += std::string(setting) + " = " + *value;
  }
  return text;
}

/// The kernel removes the namespace of a killed VM, and the links with it, in its own time.
std::string state_when_quiet(const std::string& expected) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(30));
  while (state_of_host() != expected && !deadline.expired()) ::usleep(50'000);
  return state_of_host();
}

/// What this process has computed, in the kernel too.
std::int64_t cpu_ms() {
  rusage usage{};
  REQUIRE(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto ms = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * 1000 + time.tv_usec / 1000;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

Request with_id(const std::string& id) {
  Request request;
  request.vm_id = id;
  return request;
}

/// Attaches in a process of its own, and kills it.
MemoryState attach_and_die(const Backend& backend) {
  const auto directory = base::TempDir::create();
  REQUIRE(directory);
  const std::string state = directory->path() + "/state";
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  base::SpawnOptions options;
  options.argv = {"/proc/self/exe", "an owner with state that is to be killed"};
  options.environment = {{"FCVM_TEST_INSIDE=1", "FCVM_TEST_BACKEND=" + backend.name,
                          "FCVM_TEST_STATE=" + state, "FCVM_TEST_LEASES=" + lease_directory(),
                          "ASAN_OPTIONS=detect_leaks=0"}};
  options.stdout_fd = pipe->write_end.get();
  auto owner = base::spawn(options);
  REQUIRE(owner);
  pipe->write_end.reset();
  std::string said;
  while (said.find("attached") == std::string::npos) {
    char byte = 0;
    REQUIRE(base::read_exact(pipe->read_end.get(), {&byte, 1}));
    said += byte;
  }
  REQUIRE(owner->signal(SIGKILL));
  REQUIRE(owner->wait());
  return read_state(state);
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
    CHECK(state_of_host() == before);
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
    CHECK(state_of_host() == before);
  }
}

TEST_CASE("recover undoes what a killed owner of bridged or routed left") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  for (const Backend& backend : {bridged(), routed()}) {
    MemoryState state = attach_and_die(backend);
    CHECK_THAT(state_of_host(), Contains("table inet fcvm_killed"));
    // A living neighbour goes on having what it needs.
    {
      Network living(backend);
      REQUIRE(living.attach({}) == 0);
      Network network(backend, &state);
      REQUIRE(network.recover() == 0);
      CHECK(network.recover() == 0);
      CHECK_THAT(state_of_host(), Contains("ipv4/conf/eth0/forwarding = 1"));
      CHECK_THAT(state_of_host(), !Contains("fcvm_killed"));
    }
    CHECK(state.entries.empty());
    CHECK(state_when_quiet(before) == before);
  }
}

TEST_CASE("the address of a killed VM is free, and its firewall table goes with the next one") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  MemoryState state = attach_and_die(bridged());
  CHECK_THAT(state_of_host(), Contains("table inet fcvm_killed"));
  const auto deadline = base::Deadline::in(std::chrono::seconds(30));
  while (state_of_host().find(": fcvm-") != std::string::npos && !deadline.expired()) {
    ::usleep(50'000);
  }
  Network next(bridged());
  Request request = with_id("next");
  // Of the same address: that of the id is where the search began.
  request.vm_id = "killed";
  REQUIRE(next.attach(request) == 0);
  const std::string address = next.attachment().host_address;
  REQUIRE(next.detach() == 0);
  state = attach_and_die(bridged());
  while (state_of_host().find(": fcvm-") != std::string::npos && !deadline.expired()) {
    ::usleep(50'000);
  }
  request.vm_id = "heir";
  request.ipv4 = address;
  REQUIRE(next.attach(request) == 0);
  CHECK(std::string(next.attachment().host_address) == address);
  CHECK_THAT(state_of_host(), !Contains("fcvm_killed"));
  REQUIRE(next.detach() == 0);
  Network network(bridged(), &state);
  REQUIRE(network.recover() == 0);
  CHECK(state_when_quiet(before) == before);
}

TEST_CASE("a hundred bridged networks are made and removed at once") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  constexpr int kNetworks = 100;
  std::vector<std::unique_ptr<Network>> networks;
  for (int i = 0; i < kNetworks; ++i) networks.push_back(std::make_unique<Network>(bridged()));
  const auto at_once = [&](const std::function<int(int)>& each) {
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kNetworks; ++i) {
      threads.emplace_back([&, i] { failures += each(i) != 0 ? 1 : 0; });
    }
    for (auto& thread : threads) thread.join();
    return failures.load();
  };
  const auto start = base::Deadline::now_ns();
  const std::int64_t cpu_before = cpu_ms();
  const auto attach = [&](int i) {
    return networks[static_cast<std::size_t>(i)]->attach(with_id("vm" + std::to_string(i)));
  };
  REQUIRE(at_once(attach) == 0);
  std::set<std::string> addresses;
  for (const auto& network : networks) addresses.insert(network->attachment().host_address);
  CHECK(addresses.size() == kNetworks);
  REQUIRE(at_once([&](int i) { return networks[static_cast<std::size_t>(i)]->detach(); }) == 0);
  const auto took = (base::Deadline::now_ns() - start) / 1'000'000;
  const std::int64_t cpu = cpu_ms() - cpu_before;
  std::printf("a hundred networks at once: %lld ms, %lld ms of them computing\n",
              static_cast<long long>(took), static_cast<long long>(cpu));
  // The time on the clock is that of whatever else the machine does.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kSlower = 4;
#else
  constexpr int kSlower = 1;
#endif
  CHECK(cpu < 10'000 * kSlower);
  CHECK(state_of_host() == before);
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

TEST_CASE("bridged: Docker's firewall lets VMs pass, and is left as it was") {
  if (!is_root_environment()) return;
  const std::string quiet = state_of_host();
  output_of({"nft",
             "table ip filter { chain DOCKER-USER { iifname \"other\" drop; }; chain FORWARD { "
             "type filter hook forward priority 0; policy drop; jump DOCKER-USER; }; }"});
  const std::string before = state_of_host();
  REQUIRE_THAT(before, Contains("policy drop"));
  const Server outside(Environment::get()->outside_ipv4(), "outside");
  for (const Backend& backend : {bridged(), routed()}) {
    Network network(backend);
    REQUIRE(network.attach({}) == 0);
    FakeGuest guest(network);
    CHECK(guest.ask_stream(kOutsideIpv4, kOutsidePort) == "outside\n");
    REQUIRE(network.detach() == 0);
    CHECK(state_of_host() == before);
    MemoryState state = attach_and_die(backend);
    CHECK_THAT(state_of_host(), Contains("comment \"fcvm_killed\""));
    REQUIRE(Network(backend, &state).recover() == 0);
    CHECK(state_when_quiet(before) == before);
  }
  output_of({"nft", "delete table ip filter"});
  CHECK(state_of_host() == quiet);
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

TEST_CASE("an owner with state that is to be killed", "[.]") {
  REQUIRE(is_root_environment());
  FileState state(std::getenv("FCVM_TEST_STATE"));
  const bool is_bridged = std::string(std::getenv("FCVM_TEST_BACKEND")) == "bridged";
  Network network(is_bridged ? bridged() : routed(), &state);
  Request request = with_id("killed");
  request.publish = {port(4402, FCVM_PROTO_TCP, kHostIpv4)};
  REQUIRE(network.attach(request) == 0);
  std::printf("attached\n");
  std::fflush(stdout);
  ::pause();
}

}  // namespace fcvm::test
