// memory/1, as a host and the VMMs of its clones use a page server: the test is both.
#include <chrono>
#include <fstream>
#include <poll.h>

#include "core/base/io/file.hpp"
#include "tests/contract/memory/served_clone.hpp"

namespace fcvm::test {
namespace {

TEST_CASE("clones find their snapshot's memory, wherever it lies in their VMMs") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", "abcdefghijklmnop");
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  Clone one(server, "one");
  Clone two(server, "two");
  CHECK(one.vmm->page(0) == 'a');  // a VMM's own, before the host knows that it runs
  REQUIRE(server.started("one", *one.vmm) == 0);
  REQUIRE(server.started("two", *two.vmm) == 0);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    CHECK(one.vmm->page(i * kPage) == static_cast<char>('a' + i));
  }
  CHECK(two.vmm->page(9 * kPage + 5) == 'j');
  CHECK_FALSE(two.vmm->has(0));
  CHECK(server.health() == 0);
  CHECK(server.clone_health("two") == 0);
  CHECK(faults_are(server, kPages + 1));
  const auto figures = server.figures();
  CHECK(figures.clones == 2);
  CHECK(figures.bytes_copied == (kPages + 1) * kPage);
  CHECK(figures.bytes_prefetched == 0);
  CHECK(figures.fault_p50_ns > 0);
  CHECK(figures.fault_p99_ns >= figures.fault_p50_ns);
}

TEST_CASE("the uppermost layer with data counts, and what none has is zero") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("base", "aaaaaaaa........");
  snapshot.write_layer("diff", "..bb0...b.......");
  snapshot.write_layer("last", "...c.c.........c");
  Server server;
  REQUIRE(server.open(snapshot, {"base", "diff", "last"}) == 0);
  Clone clone(server, "clone");
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  const std::string expected("aabc\0caab......c", kPages);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    CAPTURE(i);
    CHECK(clone.vmm->page(i * kPage) == (expected[i] == '.' ? '\0' : expected[i]));
  }
}

TEST_CASE("a snapshot that is not whole is not opened") {
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  snapshot.write_layer("short", std::string(kPages - 1, 's'));
  snapshot.write_layer("long", std::string(kPages + 1, 'l'));
  std::ofstream(snapshot.path("pages")) << "what?";
  Server server;
  CHECK(server.open(snapshot, {"memory", "none"}) == -ENOENT);
  CHECK_THAT(server.message(), Contains("none"));
  CHECK(server.open(snapshot, {"short", "memory"}) == -EINVAL);
  CHECK_THAT(server.message(), Contains("short has 61440 bytes, and the VM has 65536"));
  CHECK(server.open(snapshot, {"memory", "long"}) == -EINVAL);
  CHECK(server.open(snapshot, {"memory"}, "none") == -ENOENT);
  CHECK(server.open(snapshot, {"memory"}, "pages") == -EINVAL);
  // It has left the state as it was.
  CHECK(server.open(snapshot, {"memory"}) == 0);
  CHECK(server.close() == 0);
}

TEST_CASE("a clone whose page is lost is ended, and no other; it never saw a zero") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  Clone one(server, "one");
  Clone two(server, "two");
  REQUIRE(server.started("one", *one.vmm) == 0);
  REQUIRE(server.started("two", *two.vmm) == 0);
  CHECK(two.vmm->page(0) == 'm');
  int watch = -1;
  REQUIRE(server.health(&watch) == 0);
  std::filesystem::resize_file(snapshot.path("memory"), 2 * kPage);
  CHECK(one.vmm->page(5 * kPage) == std::nullopt);
  pollfd told{watch, POLLIN, 0};
  REQUIRE(::poll(&told, 1, 5000) == 1);
  CHECK(server.health() == -EINVAL);
  CHECK_THAT(server.message(), Contains("clone one: the snapshot's memory memory has 8192 bytes"));
  CHECK(one.vmm->ended_by() == SIGKILL);
  CHECK(server.clone_health("one") == -EINVAL);
  CHECK(server.clone_health("two") == 0);
  CHECK(two.vmm->page(0) == 'm');
  CHECK(two.vmm->ended_by() == 0);
  CHECK(server.detach("one") == 0);
  CHECK(server.health() == 0);
}

TEST_CASE("a page that is lost before the VMM is known stops it, and its start is refused") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  Clone clone(server, "clone");
  int watch = -1;
  REQUIRE(server.health(&watch) == 0);
  std::filesystem::resize_file(snapshot.path("memory"), 0);
  clone.vmm->touch(0);
  pollfd told{watch, POLLIN, 0};
  REQUIRE(::poll(&told, 1, 5000) == 1);
  CHECK(server.clone_health("clone") == -EINVAL);
  CHECK(server.started("clone", *clone.vmm) == -EINVAL);
  CHECK(clone.vmm->answer(kNotServed) == std::nullopt);
  CHECK(clone.vmm->ended_by() == 0);
  clone.vmm->kill();  // by the host
  CHECK(server.detach("clone") == 0);
}

TEST_CASE("a VM whose server has gone stands still, and finds no zeros") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  Clone clone(server, "clone");
  CHECK(clone.vmm->page(0) == 'm');
  REQUIRE(server.close() == 0);  // the VMM was never lent to it
  clone.vmm->touch(kPage);
  CHECK(clone.vmm->answer(kNotServed) == std::nullopt);
  CHECK(clone.vmm->ended_by() == 0);
}

TEST_CASE("pages that a VM gave back are zero") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  snapshot.write_working_set("pages", {2, 3});
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}, "pages") == 0);
  Clone clone(server, "clone");
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  CHECK(clone.vmm->page(kPage) == 'm');
  clone.vmm->give_back(kPage);
  clone.vmm->give_back(2 * kPage);  // which it never had
  CHECK(clone.vmm->page(kPage) == '\0');
  CHECK(server.prefetch("clone") == 0);
  CHECK_FALSE(clone.vmm->has(2 * kPage));
  CHECK(clone.vmm->has(3 * kPage));
  CHECK(clone.vmm->page(2 * kPage) == '\0');
  CHECK(clone.vmm->page(4 * kPage) == 'm');
}

TEST_CASE("what one clone used is there before the next one runs") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", "abcdefgh........");
  {
    Server server;
    REQUIRE(server.open(snapshot, {"memory"}) == 0);
    Clone clone(server, "clone", FCVM_CLONE_RECORD);
    Clone other(server, "other");
    REQUIRE(server.started("clone", *clone.vmm) == 0);
    CHECK(server.prefetch("clone") == 0);  // of nothing
    for (const std::uint64_t i : {6, 1, 12}) (void)clone.vmm->page(i * kPage);
    (void)other.vmm->page(0);
    CHECK(server.working_set("clone", snapshot, "used") == 0);
    CHECK(server.working_set("clone", snapshot, "used") == -EEXIST);
    CHECK(server.working_set("other", snapshot, "other") == -EINVAL);
    CHECK(::access(snapshot.path("other").c_str(), F_OK) != 0);
  }
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}, "used") == 0);
  Clone clone(server, "clone", FCVM_CLONE_RECORD);
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  CHECK(server.prefetch("clone") == 0);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    CAPTURE(i);
    CHECK(clone.vmm->has(i * kPage) == (i == 6 || i == 1 || i == 12));
  }
  CHECK(clone.vmm->page(6 * kPage) == 'g');
  CHECK(clone.vmm->page(12 * kPage) == '\0');
  CHECK(server.figures().faults == 0);
  CHECK(server.figures().bytes_prefetched == 3 * kPage);
  // Brought in counts as used: nobody sees whether it is.
  CHECK(server.working_set("clone", snapshot, "again") == 0);
  CHECK(server.prefetch("clone") == 0);
  CHECK(must(base::read_file(snapshot.path("again"))) ==
        must(base::read_file(snapshot.path("used"))));
}

TEST_CASE("a prefetch waits for the hand-over: until its deadline, a cancel, or the VMM's end") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  snapshot.write_working_set("pages", {0});
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}, "pages") == 0);
  const Directory home;
  std::string socket;
  REQUIRE(server.attach("clone", home, &socket) == 0);
  FakeVmm vmm(home.fd(), socket, kMemory);
  REQUIRE(server.started("clone", vmm) == 0);
  CHECK(server.prefetch("clone", soon(50)) == -ETIMEDOUT);
  CHECK_THAT(server.message(), Contains("waiting for the VMM's hand-over"));

  std::atomic<std::int32_t> code{1};
  const auto prefetch = [&] { code = server.prefetch("clone"); };
  std::jthread waiting(prefetch);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(code == 1);
  {
    // Meanwhile others come and go.
    Clone other(server, "other");
    CHECK(server.started("other", *other.vmm) == 0);
    CHECK(other.vmm->page(0) == 'm');
    CHECK(server.detach("other") == 0);
  }
  const auto before = monotonic_now();
  server.cancel();
  waiting.join();
  CHECK(code == -ECANCELED);
  CHECK(monotonic_now() - before < 100'000'000);

  SECTION("it comes, and what failed works") {
    waiting = std::jthread(prefetch);
    CHECK(vmm.connect());
    waiting.join();
    CHECK(code == 0);
    CHECK(vmm.has(0));
  }
  SECTION("it never comes") {
    waiting = std::jthread(prefetch);
    vmm.kill();
    waiting.join();
    CHECK(code == -ESRCH);
    CHECK(server.health() == 0);  // that a VMM ends is no fault of the server
  }
}

TEST_CASE("a VMM that hands over nonsense is ended, alone") {
  NEEDS_USERFAULTFD();
  const auto region = [](const char* base, std::uint64_t size, std::uint64_t offset,
                         std::uint64_t page) {
    return std::string(R"([{"base_host_virt_addr":)") + base + R"(,"size":)" +
           std::to_string(size) + R"(,"offset":)" + std::to_string(offset) + R"(,"page_size":)" +
           std::to_string(page) + "}]";
  };
  const HandOver bad = GENERATE_COPY(
      HandOver{"", false}, HandOver{"", true, true}, HandOver{"what?"}, HandOver{"[]"},
      HandOver{"[1]"}, HandOver{R"([{"size":4096,"offset":0,"page_size":4096}])"},
      HandOver{region("4096", 2 * kMemory, 0, kPage)},
      HandOver{region("4096", kPage, kMemory, kPage)},
      HandOver{region("4096", kPage, UINT64_MAX - kPage + 1, kPage)},
      HandOver{region("-4096", kPage, 0, kPage)}, HandOver{region("100", kPage, 0, kPage)},
      HandOver{region("4096", kPage, 0, 2 << 20)}, HandOver{region("4096", kPage, 0, kPage)});
  CAPTURE(bad.json, bad.with_fd, bad.blocks);
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  Clone good(server, "good");
  REQUIRE(server.started("good", *good.vmm) == 0);
  Clone clone(server, "bad", 0, bad);
  // Refused when the server has read it by then.
  const auto started = server.started("bad", *clone.vmm);
  if (bad.json.find("4096,\"size\":4096,\"offset\":0,\"page_size\":4096") != std::string::npos) {
    clone.vmm->touch(0);  // a region that lies elsewhere: seen when a page is missed
  }
  CHECK(soon_is([&] { return server.clone_health("bad") == -EPROTO; }));
  if (started == 0) CHECK(soon_is([&] { return clone.vmm->ended_by() == SIGKILL; }));
  if (started != 0) CHECK(started == -EPROTO);
  CHECK(server.clone_health("good") == 0);
  CHECK(good.vmm->page(0) == 'm');
}

TEST_CASE("close and destroy undo everything, and end what is left of clones") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  const Directory home;
  { const Server loaded; }
  const auto fds = open_fds();
  const auto alone = threads();
  SECTION("each in its turn") {
    Server server;
    REQUIRE(server.open(snapshot, {"memory"}) == 0);
    {
      Clone clone(server, "clone");
      REQUIRE(server.started("clone", *clone.vmm) == 0);
      CHECK(clone.vmm->page(0) == 'm');
      CHECK(threads() > alone);
      clone.vmm->kill();
      CHECK(server.detach("clone") == 0);
      CHECK(::faccessat(clone.home.fd(), clone.socket.c_str(), F_OK, 0) != 0);
      CHECK(server.figures().clones == 0);
    }
    REQUIRE(server.attach("never-started", home) == 0);
    CHECK(server.detach("never-started") == 0);
    CHECK(server.close() == 0);
    CHECK(open_fds() == fds);
    CHECK(soon_is([&] { return threads() == alone; }));
  }
  SECTION("at once") {
    const bool close = GENERATE(true, false);
    {
      Server server;
      REQUIRE(server.open(snapshot, {"memory"}) == 0);
      Clone clone(server, "clone");
      REQUIRE(server.started("clone", *clone.vmm) == 0);
      REQUIRE(server.attach("never-started", home) == 0);
      if (close) CHECK(server.close() == 0);
      server.destroy();
      CHECK(clone.vmm->ended_by() == SIGKILL);
    }
    CHECK(open_fds() == fds);
    CHECK(soon_is([&] { return threads() == alone; }));
  }
}

TEST_CASE("a clone is known by its id, once") {
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  const Directory home;
  const Directory elsewhere;
  REQUIRE(server.attach("clone", home) == 0);
  CHECK(server.attach("clone", elsewhere) == -EEXIST);
  CHECK(server.prefetch("other") == -ENOENT);
  CHECK(server.working_set("other", home, "used") == -ENOENT);
  CHECK(server.clone_health("other") == -ENOENT);
  CHECK(server.detach("other") == -ENOENT);
  CHECK(server.detach("clone") == 0);
  CHECK(server.detach("clone") == -ENOENT);
  CHECK(server.attach("clone", home) == 0);
}

}  // namespace
}  // namespace fcvm::test
