// What the Publisher says when it cannot publish a port, and that it then has none of them.
#include <linux/capability.h>
#include <sys/syscall.h>

#include "tests/contract/net_forward/machine.hpp"

using namespace fcvm;
using namespace fcvm::test;

namespace {

/// Without CAP_NET_BIND_SERVICE for as long as it lives; the test's user may be root.
class NoLowPorts {
 public:
  NoLowPorts() {
    ::syscall(SYS_capget, &header_, before_);
    __user_cap_data_struct without[2] = {before_[0], before_[1]};
    without[0].effective &= ~(1U << CAP_NET_BIND_SERVICE);
    REQUIRE(::syscall(SYS_capset, &header_, without) == 0);
  }
  ~NoLowPorts() { ::syscall(SYS_capset, &header_, before_); }

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
};

}  // namespace

TEST_CASE("whoever holds the names of all addresses keeps no VM from starting") {
  must(enter_own_network());
  constexpr std::uint32_t kPool = 50;
  std::vector<net::LoopbackAddress> taken;
  for (std::uint32_t i = 0; i < kPool; ++i) {
    taken.push_back(must(net::LoopbackAddress::take("vm" + std::to_string(i), kPool)));
    CHECK(taken.back().is_locked());
  }
  const auto next = must(net::LoopbackAddress::take("vm1", kPool));
  CHECK_FALSE(next.is_locked());
  CHECK(next.text().find("127.20.0.") == 0);
  const std::string freed = taken[7].text();
  taken.erase(taken.begin() + 7);
  const auto again = must(net::LoopbackAddress::take("vm1", kPool));
  CHECK(again.is_locked());
  CHECK(again.text() == freed);
}

TEST_CASE("a taken port is an error that names its holder, and nothing stays bound") {
  Machine machine;
  const base::Fd holder = listen_at("127.0.0.1", kPort);
  const auto reserved = machine.reserve(
      {wanted(kPort + 1, 80, "127.0.0.1"), wanted(kPort, 80, "127.0.0.1", FCVM_PROTO_TCP)});
  REQUIRE_FALSE(reserved);
  CHECK(reserved.error().code() == EADDRINUSE);
  CHECK(reserved.error().message().find("127.0.0.1:8080/tcp") != std::string::npos);
  CHECK(reserved.error().message().find("(process " + std::to_string(::getpid()) + ")") !=
        std::string::npos);
  CHECK_FALSE(reserved.error().remedy().empty());
  CHECK(try_connect("127.0.0.1", kPort + 1) == ECONNREFUSED);
  CHECK(machine.publisher.host_address().empty());
}

TEST_CASE("a taken UDP port, and a wildcard in the way, are noticed") {
  Machine machine;
  const base::Fd udp = udp_at("127.0.0.1", kPort);
  const auto first = machine.reserve({wanted(kPort, 80, "127.0.0.1", FCVM_PROTO_UDP)});
  REQUIRE_FALSE(first);
  CHECK(first.error().code() == EADDRINUSE);
  const base::Fd any = listen_at("0.0.0.0", kPort);
  const auto second = machine.reserve({wanted(kPort, 80)});
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == EADDRINUSE);
  CHECK(second.error().message().find("(process ") != std::string::npos);
}

TEST_CASE("one VM cannot have a port twice") {
  Machine machine;
  const auto reserved = machine.reserve({wanted(kPort, 80), wanted(kPort, 81)});
  REQUIRE_FALSE(reserved);
  CHECK(reserved.error().code() == EADDRINUSE);
  CHECK(reserved.error().message().find("already") != std::string::npos);
}

TEST_CASE("bad requests are refused each with its own message") {
  Machine machine;
  const auto says = [&](const fcvm_publish& port, int code, const std::string& text) {
    const auto reserved = machine.reserve({port});
    REQUIRE_FALSE(reserved);
    INFO(reserved.error().message());
    CHECK(reserved.error().code() == code);
    CHECK(reserved.error().message().find(text) != std::string::npos);
    CHECK_FALSE(reserved.error().remedy().empty());
  };
  says(wanted(kPort, 80, "192.0.2.1"), EADDRNOTAVAIL, "192.0.2.1 is not an address of this host");
  says(wanted(kPort, 80, "2001:db8::1"), EADDRNOTAVAIL, "[2001:db8::1]:8080/tcp");
  says(wanted(kPort, 80, "localhost"), EINVAL, "not an IP address");
  says(wanted(kPort, 80, ""), EINVAL, "not an IP address");
  says(wanted(kPort, 0), EINVAL, "1 to 65535");
  says(wanted(65'530, 80, nullptr, FCVM_PROTO_TCP, 10), EINVAL, "1 to 65535");
  says(wanted(kPort, 65'530, nullptr, FCVM_PROTO_TCP, 10), EINVAL, "1 to 65535");
  says(wanted(kPort, 80, nullptr, 132), EINVAL, "protocol 132 is unknown");
}

TEST_CASE("without a port of the host the VM gets one that is free, or as many in a row") {
  Machine machine;
  auto range = wanted(0, 80);
  range.count = 3;
  REQUIRE(machine.reserve({wanted(0, 80), range, wanted(0, 53, nullptr, FCVM_PROTO_UDP)}));
  const auto& taken = machine.publisher.reserved();
  REQUIRE(taken.size() == 3);
  for (const auto& one : taken) CHECK(one.host_port > 0);
  CHECK(taken[0].host_port != taken[1].host_port);
  CHECK(taken[1].count == 3);
  CHECK(taken[2].protocol == FCVM_PROTO_UDP);
}

TEST_CASE("a low port tells an ordinary user of the sysctl") {
  Machine machine;
  const NoLowPorts ordinary;
  const auto reserved = machine.reserve({wanted(80, 80)});
  REQUIRE_FALSE(reserved);
  CHECK(reserved.error().code() == EACCES);
  CHECK(reserved.error().remedy().find("net.ipv4.ip_unprivileged_port_start=80") !=
        std::string::npos);
}
