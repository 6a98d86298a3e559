// memory.uffd: what it does beyond what every page server has to.
#include <atomic>
#include <csignal>
#include <fstream>
#include <poll.h>
#include <sys/prctl.h>
#include <thread>

#include "core/base/io/pipe.hpp"
#include "tests/contract/memory/served_clone.hpp"

namespace fcvm::test {
namespace {

const std::vector<Setting> kPieces = {{"piece", FCVM_OPTION_SIZE, 4 * kPage}};

TEST_CASE("a missed page comes with those round it, of its piece and of its kind") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", "abcdefgh.j..mnop");
  Server server(kPieces);
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  Clone clone(server, "clone");
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  const auto present = [&] {
    std::string all;
    for (std::uint64_t i = 0; i < kPages; ++i) all += clone.vmm->has(i * kPage) ? 'x' : '.';
    return all;
  };
  CHECK(clone.vmm->page(2 * kPage) == 'c');
  CHECK(present() == "xxxx............");
  CHECK(faults_are(server, 1));
  CHECK(server.figures().bytes_copied == 4 * kPage);
  SECTION("zeros are not data") {
    CHECK(clone.vmm->page(9 * kPage) == 'j');
    CHECK(present() == "xxxx.....x......");
    CHECK(clone.vmm->page(10 * kPage) == '\0');
    CHECK(present() == "xxxx.....xxx....");
    CHECK(clone.vmm->page(8 * kPage) == '\0');
    CHECK(faults_are(server, 4));
    CHECK(server.figures().bytes_copied == 5 * kPage);
  }
  SECTION("what was given back is not among them") {
    clone.vmm->give_back(5 * kPage);
    CHECK(clone.vmm->page(4 * kPage) == 'e');
    CHECK(present() == "xxxxx...........");
    CHECK(clone.vmm->page(6 * kPage) == 'g');
    CHECK(present() == "xxxxx.xx........");
    CHECK(clone.vmm->page(5 * kPage) == '\0');
  }
  SECTION("what is mapped otherwise is given alone") {
    clone.vmm->set_apart(13 * kPage);
    CHECK(clone.vmm->page(12 * kPage) == 'm');
    CHECK(clone.vmm->page(13 * kPage) == 'n');
    CHECK(clone.vmm->page(15 * kPage) == 'p');
    CHECK(clone.vmm->page(14 * kPage) == 'o');
  }
  CHECK(server.clone_health("clone") == 0);
}

TEST_CASE("a recorded clone is given what it misses, and nothing else") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", "abcdefghijklmnop");
  {
    Server server(kPieces);
    REQUIRE(server.open(snapshot, {"memory"}) == 0);
    Clone clone(server, "clone", FCVM_CLONE_RECORD);
    for (const std::uint64_t i : {5, 1}) (void)clone.vmm->page(i * kPage);
    CHECK_FALSE(clone.vmm->has(2 * kPage));
    CHECK(server.working_set("clone", snapshot, "used") == 0);
  }
  Server server(kPieces);
  REQUIRE(server.open(snapshot, {"memory"}, "used") == 0);
  Clone clone(server, "clone");
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  CHECK(server.prefetch("clone") == 0);
  for (std::uint64_t i = 0; i < kPages; ++i) CHECK(clone.vmm->has(i * kPage) == (i == 1 || i == 5));
  CHECK(server.figures().bytes_prefetched == 2 * kPage);
  CHECK(clone.vmm->page(2 * kPage) == 'c');
}

TEST_CASE("a prefetch that cannot read its pages fails, and the clone lives until it misses them") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  snapshot.write_working_set("pages", {0, 9});
  Server server(kPieces);
  REQUIRE(server.open(snapshot, {"memory"}, "pages") == 0);
  Clone clone(server, "clone");
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  CHECK(clone.vmm->page(0) == 'm');
  std::filesystem::resize_file(snapshot.path("memory"), 5 * kPage + 100);
  CHECK(server.prefetch("clone") == -EINVAL);
  CHECK_THAT(server.message(), Contains("memory has 20580 bytes, and the VM has 65536"));
  CHECK(server.clone_health("clone") == 0);
  // Half of this page is there, and the rest would read as zeros.
  CHECK(clone.vmm->page(5 * kPage) == std::nullopt);
  CHECK(soon_is([&] { return server.clone_health("clone") == -EINVAL; }));
  CHECK(soon_is([&] { return clone.vmm->ended_by() == SIGKILL; }));
}

#ifdef __SANITIZE_THREAD__
constexpr bool kForksHaveThreads = false;
#else
constexpr bool kForksHaveThreads = true;
#endif

TEST_CASE("a prefetch ends with its VMM, and another's goes on") {
  NEEDS_USERFAULTFD();
  constexpr std::uint64_t kMany = 64 << 10;  // so many pages that it takes a while
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kMany, '.'));
  memory::PageSet all(kMany);
  all.add({0, kMany});
  must(memory::write_working_set(snapshot.fd(), "pages", all, kPage));
  Server server(kPieces);
  REQUIRE(server.open(snapshot, {"memory"}, "pages", kPage, kMany * kPage) == 0);
  Clone one(server, "one", 0, {}, kMany * kPage);
  Clone two(server, "two", 0, {}, kMany * kPage);
  REQUIRE(server.started("one", *one.vmm) == 0);
  REQUIRE(server.started("two", *two.vmm) == 0);
  std::int32_t code = 1;
  std::thread prefetch([&] { code = server.prefetch("one"); });
  const auto some_are_in = [&] { return server.figures().bytes_prefetched > 0; };
  CHECK(soon_is(some_are_in));
  one.vmm->kill();
  prefetch.join();
  CHECK((code == -ESRCH || code == 0));  // it may have been done
  CHECK(server.clone_health("one") == 0);
  CHECK(server.prefetch("two") == 0);
  CHECK(two.vmm->has((kMany - 1) * kPage));
  CHECK(server.detach("one") == 0);
}

TEST_CASE("pages that a VM gives back and takes again at once are never the snapshot's") {
  NEEDS_USERFAULTFD();
  FCVM_SKIP_IF(!kForksHaveThreads, "the thread sanitizer lets no forked process have threads");
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  snapshot.write_working_set("pages", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  Server server(kPieces);
  REQUIRE(server.open(snapshot, {"memory"}, "pages") == 0);
  Clone clone(server, "clone");
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  std::atomic<int> prefetched{0};
  std::thread prefetches([&] {
    for (int i = 0; i < 50; ++i) prefetched += server.prefetch("clone") == 0 ? 1 : 0;
  });
  for (std::uint64_t i = 0; i < kPages; i += 3) CHECK(clone.vmm->churn(i * kPage, 'm', 200));
  prefetches.join();
  CHECK(prefetched == 50);
  CHECK(clone.vmm->page(0) == '\0');
  CHECK(clone.vmm->page(kPage) == 'm');
  CHECK(server.clone_health("clone") == 0);
}

TEST_CASE("many clones at once find their memory, and no more than the user allows") {
  NEEDS_USERFAULTFD();
  constexpr std::size_t kClones = 24;
  const Directory snapshot;
  snapshot.write_layer("memory", "abcdefghijklmnop");
  Server server(
      {{"piece", FCVM_OPTION_SIZE, 4 * kPage}, {"max-clones", FCVM_OPTION_INTEGER, kClones}});
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  std::vector<std::unique_ptr<Clone>> clones;
  for (std::size_t i = 0; i < kClones; ++i) {
    clones.push_back(std::make_unique<Clone>(server, std::to_string(i).c_str()));
    REQUIRE(server.started(std::to_string(i).c_str(), *clones.back()->vmm) == 0);
  }
  const Directory home;
  CHECK(server.attach("one too many", home) == -EUSERS);
  CHECK_THAT(server.remedy(), Contains("memory.uffd.max-clones"));
  // All ask before any answer is looked at.
  for (std::uint64_t page = 0; page < kPages; ++page) {
    for (const auto& clone : clones) clone->vmm->touch(page * kPage);
    for (const auto& clone : clones)
      CHECK(clone->vmm->answer(5000) == static_cast<char>('a' + page));
  }
  CHECK(faults_are(server, kClones * kPages / 4));
  clones[3]->vmm->kill();
  clones[4]->vmm->kill();
  CHECK(server.detach("3") == 0);
  CHECK(server.attach("one in its place", home) == 0);
  CHECK(server.figures().clones == kClones);
  CHECK(server.health() == 0);
}

TEST_CASE("a VM whose server was killed stands still, and finds no zeros") {
  NEEDS_USERFAULTFD();
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  const Directory home;
  auto ready = must(base::Pipe::create());
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Server server(kPieces);
    std::string socket;
    const bool serves =
        server.open(snapshot, {"memory"}) == 0 && server.attach("clone", home, &socket) == 0;
    if (serves && ::write(ready.write_end.get(), "y", 1) == 1) ::pause();
    ::_exit(1);
  }
  base::Child child(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  ready.write_end.reset();
  char said = 0;
  REQUIRE(::read(ready.read_end.get(), &said, 1) == 1);
  FakeVmm vmm(home.fd(), "pages.sock", kMemory);
  REQUIRE(vmm.connect());
  CHECK(vmm.page(0) == 'm');
  must(child.signal(SIGKILL));
  (void)must(child.wait(base::Deadline::in(std::chrono::seconds(5))));
  vmm.touch(9 * kPage);
  CHECK(vmm.answer(kNotServed) == std::nullopt);
  CHECK(vmm.ended_by() == 0);
}

/// Of 2 MiB, which are free.
std::uint64_t free_huge_pages() {
  std::ifstream file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  std::uint64_t number = 0;
  file >> number;
  return number;
}

TEST_CASE("huge pages are served whole, of several layers and of none", "[.hugepages]") {
  NEEDS_USERFAULTFD();
  constexpr std::uint64_t kHuge = 2 << 20;
  FCVM_SKIP_IF(free_huge_pages() < 4, "this host has no four huge pages to spare");
  const Directory snapshot;
  snapshot.write_layer("memory", "ab.d", kHuge);
  snapshot.write_layer("diff", "....", kHuge);
  const Fd diff = must(base::open_file(snapshot.path("diff"), O_WRONLY));
  REQUIRE(::pwrite(diff.get(), std::string(kPage, 'X').data(), kPage, kHuge + 7 * kPage) ==
          static_cast<ssize_t>(kPage));
  Server server(kPieces);
  REQUIRE(server.open(snapshot, {"memory", "diff"}, nullptr, kHuge, 4 * kHuge) == 0);
  HandOver hand_over;
  hand_over.page_bytes = kHuge;
  Clone clone(server, "clone", 0, hand_over, 4 * kHuge);
  REQUIRE(server.started("clone", *clone.vmm) == 0);
  CHECK(clone.vmm->page(5 * kPage) == 'a');
  CHECK(clone.vmm->page(kHuge) == 'b');
  CHECK(clone.vmm->page(kHuge + 7 * kPage) == 'X');
  CHECK(clone.vmm->page(2 * kHuge + 100 * kPage) == '\0');
  CHECK(clone.vmm->page(4 * kHuge - 1) == 'd');
  CHECK(faults_are(server, 4));
  clone.vmm->give_back(0);
  CHECK(clone.vmm->page(0) == '\0');
  CHECK(server.clone_health("clone") == 0);
}

}  // namespace
}  // namespace fcvm::test
