// The relay of a QEMU that has ended while somebody still holds the other ends of its sockets.
#include "plugins/vmm/qemu/relay.hpp"

#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/base/io/socket_pair.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/vmm_host.hpp"

using namespace fcvm;
using namespace fcvm::qemu;
using namespace std::chrono_literals;
using fcvm::test::Contains;

TEST_CASE("who waits for the monitor hears of QEMU's end, whoever else holds the monitor") {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(1);
  REQUIRE(child > 0);
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  REQUIRE(pidfd);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED) == 0);
  auto monitor = *base::SocketPair::create();
  auto port = *base::SocketPair::create();
  const Host host(fcvm::test::vmm_host());
  Qmp qmp(std::move(monitor.first));
  Relay relay(host, std::move(port.first), Fd(), qmp, pidfd.get());
  REQUIRE(relay.start());
  CancelSource nobody;
  const auto version = qmp.negotiate(Call(nobody, monotonic_now() + 10'000'000'000));
  REQUIRE(!version);
  CHECK_THAT(version.error().message(), Contains("QEMU ended"));
  CHECK(relay.wait_ended(10s));
}
