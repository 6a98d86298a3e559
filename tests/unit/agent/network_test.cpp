#include "agent/boot/network.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

TEST_CASE("resolv.conf and hosts say what the plan says") {
  wire::Network network;
  network.dns = {"10.0.2.3", "fd00::3"};
  network.search = {"a.example", "b.example"};
  network.dns_options = {"ndots:2"};
  network.hosts = {{"10.0.2.2", "host.containers.internal"}};
  CHECK(resolv_conf(network) ==
        "nameserver 10.0.2.3\nnameserver fd00::3\nsearch a.example b.example\noptions ndots:2\n");
  CHECK(hosts_file(network, "vm1").find("127.0.1.1 vm1\n10.0.2.2 host.containers.internal\n") !=
        std::string::npos);
}

}  // namespace
}  // namespace fcvm::agent
