// An attachment for who holds the guest already: tests/vm/network_reattach_test.sh runs this, to
// plug a running guest into a fresh network. It is attached as a clone's is; it says where its
// namespace is, and goes when stdin ends. Arguments come by the environment, as this is a test
// case.
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

std::string given(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Backend named(const std::string& name) {
  for (const Backend& backend : backends()) {
    if (backend.name == name) return backend;
  }
  FAIL("no backend is called " << name);
  return {};
}

/// 7000/tcp and 7010/udp lead to port 7000 of the guest.
Request as_the_guest_is() {
  Request request;
  request.vm_id = "clone";
  request.flags |= FCVM_NET_REATTACH;
  request.mac = given("FCVM_TEST_MAC");
  request.ipv4 = given("FCVM_TEST_IPV4");
  request.ipv6 = given("FCVM_TEST_IPV6");
  request.mtu = static_cast<std::uint32_t>(std::atoi(given("FCVM_TEST_MTU").c_str()));
  request.publish = {port(7000, FCVM_PROTO_TCP), port(7010, FCVM_PROTO_UDP)};
  for (auto& one : request.publish) one.guest_port = 7000;
  return request;
}

}  // namespace

TEST_CASE("an attachment to try by hand", "[.]") {
  REQUIRE(Environment::get() != nullptr);
  Network network(named(given("FCVM_TEST_BACKEND")));
  const int attached = network.attach(as_the_guest_is());
  INFO(network.message());
  REQUIRE(attached == 0);
  const auto& made = network.attachment();
  std::printf("attached /proc/%d/fd/%d %s %s\n", ::getpid(), made.net_namespace_fd, made.tap,
              made.host_address);
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  REQUIRE(network.detach() == 0);
}

}  // namespace fcvm::test
