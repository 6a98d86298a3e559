// What net.bridged and net.routed leave when their owner is killed, and that recover, or the next
// one of that address, undoes it.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/process/child.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/contract/net/host_state.hpp"
#include "tests/contract/net/server.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

using fcvm::test::Contains;

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

TEST_CASE("recover undoes what a killed owner of bridged or routed left") {
  if (!is_root_environment()) return;
  const std::string before = state_of_host();
  for (const Backend& backend : {bridged(), routed()}) {
    MemoryState state = attach_and_die(backend);
    const auto recorded = state.entries;
    CHECK_THAT(state_of_host(), Contains("table inet fcvm_killed"));
    // A living neighbour goes on having what it needs.
    {
      Network living(backend);
      REQUIRE(living.attach({}) == 0);
      Network network(backend, &state);
      REQUIRE(network.recover() == 0);
      CHECK(network.recover() == 0);
      // After the host was started anew, the directory of leases is gone.
      state.entries = recorded;
      std::string& text = state.entries.front().second;
      for (auto at = text.find(lease_directory()); at != std::string::npos;
           at = text.find(lease_directory(), at)) {
        text.replace(at, lease_directory().size(), "/nowhere");
      }
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
    CHECK(state_when_quiet(before) == before);
    MemoryState state = attach_and_die(backend);
    CHECK_THAT(state_of_host(), Contains("comment \"fcvm_killed\""));
    REQUIRE(Network(backend, &state).recover() == 0);
    CHECK(state_when_quiet(before) == before);
  }
  output_of({"nft", "delete table ip filter"});
  CHECK(state_when_quiet(quiet) == quiet);
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
