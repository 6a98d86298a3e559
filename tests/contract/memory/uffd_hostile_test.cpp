// memory.uffd, with VMMs that a guest has taken over, and with strangers at its door.
#include <linux/userfaultfd.h>

#include "tests/contract/memory/served_clone.hpp"

namespace fcvm::test {
namespace {

struct Served {
  Directory snapshot;
  Server server;

  explicit Served(const std::vector<Setting>& settings = page_by_page()) : server(settings) {
    snapshot.write_layer("memory", std::string(kPages, 'm'));
    REQUIRE(server.open(snapshot, {"memory"}) == 0);
  }
  /// The clone is ended for a reason that says so, another is not.
  void check_ended(Clone& clone, const char* reason) {
    CHECK(soon_is([&] { return server.clone_health("bad") == -EPROTO; }));
    CHECK_THAT(server.message(), Contains(reason));
    CHECK(soon_is([&] { return clone.vmm->ended_by() == SIGKILL; }));
    CHECK(server.clone_health("good") == 0);
    CHECK(server.detach("bad") == 0);
  }
};

TEST_CASE("what a VMM means as harm is its own, and leaves nothing behind") {
  NEEDS_USERFAULTFD();
  Served served;
  Clone good(served.server, "good");
  REQUIRE(served.server.started("good", *good.vmm) == 0);
  CHECK(good.vmm->page(0) == 'm');  // the hand-over is done
  const auto fds = open_fds();
  const auto alone = threads();
  SECTION("a descriptor that is no userfaultfd") {
    HandOver other;
    other.of_eventfd = true;
    Clone clone(served.server, "bad", 0, other);
    if (served.server.started("bad", *clone.vmm) != 0) clone.vmm->kill();
    CHECK(soon_is([&] { return served.server.clone_health("bad") == -EPROTO; }));
    CHECK_THAT(served.server.message(), Contains("no userfaultfd"));
    CHECK(served.server.detach("bad") == 0);
  }
  SECTION("a userfaultfd that it makes block") {
    Clone clone(served.server, "bad");
    REQUIRE(served.server.started("bad", *clone.vmm) == 0);
    CHECK(clone.vmm->page(0) == 'm');
    clone.vmm->block();
    clone.vmm->touch(kPage);
    served.check_ended(clone, "block");
  }
  SECTION("children, of which each makes a descriptor in the server") {
    HandOver forks;
    forks.features = UFFD_FEATURE_EVENT_FORK;
    Clone clone(served.server, "bad", 0, forks);
    REQUIRE(served.server.started("bad", *clone.vmm) == 0);
    clone.vmm->fork();
    served.check_ended(clone, "reports what was not agreed on");
  }
  CHECK(good.vmm->page(3 * kPage) == 'm');
  CHECK(soon_is([&] { return open_fds() == fds && threads() == alone; }));
}

TEST_CASE("a VMM that connects and hands nothing over is not waited for") {
  NEEDS_USERFAULTFD();
  Served served({{"hand-over-timeout", FCVM_OPTION_DURATION, 50'000'000}});
  Clone good(served.server, "good");
  HandOver silent;
  silent.silent = true;
  Clone clone(served.server, "bad", 0, silent);
  REQUIRE(served.server.started("bad", *clone.vmm) == 0);
  served.check_ended(clone, "handed nothing over");
  CHECK(good.vmm->page(0) == 'm');
}

TEST_CASE("regions that overlap are refused") {
  NEEDS_USERFAULTFD();
  Served served;
  Clone good(served.server, "good");
  HandOver twice;
  twice.json = R"([{"base_host_virt_addr":4096,"size":8192,"offset":0,"page_size":4096},)"
               R"({"base_host_virt_addr":8192,"size":8192,"offset":8192,"page_size":4096}])";
  Clone clone(served.server, "bad", 0, twice);
  if (served.server.started("bad", *clone.vmm) != 0) clone.vmm->kill();
  CHECK(soon_is([&] { return served.server.clone_health("bad") == -EPROTO; }));
  CHECK_THAT(served.server.message(), Contains("overlap"));
}

TEST_CASE("a stranger is not served in the VMM's place") {
  NEEDS_USERFAULTFD();
  Served served;
  const Directory home;
  std::string socket;
  REQUIRE(served.server.attach("clone", home, &socket) == 0);
  FakeVmm vmm(home.fd(), socket, kMemory);
  FakeVmm stranger(home.fd(), socket, kMemory);
  SECTION("who comes after the VMM is known is sent away") {
    REQUIRE(served.server.started("clone", vmm) == 0);
    if (stranger.connect()) {  // it may not have been able to send anything
      stranger.touch(0);
      CHECK(stranger.answer(kNotServed) == std::nullopt);
    }
    REQUIRE(vmm.connect());
    CHECK(vmm.page(0) == 'm');
    CHECK(served.server.clone_health("clone") == 0);
  }
  SECTION("who came before makes the start fail") {
    REQUIRE(stranger.connect());
    CHECK(stranger.page(0) == 'm');
    CHECK(served.server.started("clone", vmm) == -EPERM);
    CHECK_THAT(served.server.message(), Contains("the clone's VMM is process"));
    CHECK(served.server.clone_health("clone") == -EPERM);
    stranger.touch(kPage);
    CHECK(stranger.answer(kNotServed) == std::nullopt);
    CHECK(vmm.ended_by() == 0);  // it has done nothing
  }
}

}  // namespace
}  // namespace fcvm::test
