// memory.file, as a host and the VMMs of its clones use it.
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/contract/memory/server.hpp"

namespace fcvm::test {
namespace {

/// A clone whose VMM has mapped its memory.
struct Clone {
  Directory home;
  std::string file;
  std::optional<FakeVmm> vmm;

  Clone(Server& server, const char* id, std::uint32_t flags = 0, std::uint64_t memory = kMemory) {
    const auto attached = server.attach(id, home, &file, flags);
    INFO(server.message());
    REQUIRE(attached == 0);
    vmm.emplace(home.fd(), file, memory);
    REQUIRE(vmm->connect());
    REQUIRE(server.started(id, *vmm) == 0);
  }
};

TEST_CASE("clones map the snapshot's memory, and none sees what another changes") {
  const Directory snapshot;
  snapshot.write_layer("memory", "abcdefgh..klmnop");
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}) == 0);
  Clone one(server, "one");
  Clone two(server, "two");
  const std::string expected("abcdefgh\0\0klmnop", kPages);
  for (std::uint64_t i = 0; i < kPages; ++i) CHECK(one.vmm->page(i * kPage) == expected[i]);
  one.vmm->write(3 * kPage, 'X');
  CHECK(one.vmm->page(3 * kPage) == 'X');
  CHECK(two.vmm->page(3 * kPage) == 'd');
  CHECK(server.figures().clones == 2);
  CHECK(server.health() == 0);
  CHECK(server.clone_health("two") == 0);
  SECTION("by a link that no clone can change the snapshot through") {
    struct stat link {};
    REQUIRE(::fstatat(one.home.fd(), one.file.c_str(), &link, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(S_ISLNK(link.st_mode));
    CHECK(server.detach("one") == 0);
    CHECK(::faccessat(one.home.fd(), one.file.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0);
    CHECK(::access(snapshot.path("memory").c_str(), F_OK) == 0);
  }
  SECTION("and one without its snapshot is not made") {
    std::filesystem::remove(snapshot.path("memory"));
    const Directory home;
    CHECK(server.attach("three", home) == -ESTALE);
    CHECK_THAT(server.message(), Contains("memory has been removed"));
    CHECK(two.vmm->page(5 * kPage) == 'f');
  }
}

TEST_CASE("several layers are one file in the clone's directory") {
  const Directory snapshot;
  snapshot.write_layer("base", "aaaaaaaa........");
  snapshot.write_layer("diff", "..bb0...b.......");
  snapshot.write_layer("last", "...c.c.........c");
  Server server;
  REQUIRE(server.open(snapshot, {"base", "diff", "last"}) == 0);
  Clone clone(server, "clone");
  const std::string expected("aabc\0caab......c", kPages);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    CAPTURE(i);
    CHECK(clone.vmm->page(i * kPage) == (expected[i] == '.' ? '\0' : expected[i]));
  }
  struct stat file {};
  REQUIRE(::fstatat(clone.home.fd(), clone.file.c_str(), &file, AT_SYMLINK_NOFOLLOW) == 0);
  CHECK(S_ISREG(file.st_mode));
  CHECK((file.st_mode & 07777) == 0600);
  CHECK(file.st_blocks * 512 < static_cast<blkcnt_t>(kMemory));
  SECTION("which goes with the clone") {
    CHECK(server.detach("clone") == 0);
    CHECK(::faccessat(clone.home.fd(), clone.file.c_str(), F_OK, 0) != 0);
  }
  SECTION("and a layer that was cut makes none") {
    std::filesystem::resize_file(snapshot.path("diff"), 2 * kPage);
    const Directory home;
    CHECK(server.attach("other", home) == -EINVAL);
    CHECK_THAT(server.message(), Contains("diff has 8192 bytes, and the VM has 65536"));
    CHECK(::faccessat(home.fd(), "snapshot-memory", F_OK, 0) != 0);
  }
}

TEST_CASE("a snapshot that is not whole is not opened") {
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  snapshot.write_layer("short", std::string(kPages - 1, 's'));
  REQUIRE(::mkfifo(snapshot.path("fifo").c_str(), 0600) == 0);
  std::ofstream(snapshot.path("pages")) << "what?";
  Server server;
  CHECK(server.open(snapshot, {"none"}) == -ENOENT);
  CHECK(server.open(snapshot, {"fifo"}) == -EINVAL);
  CHECK(server.open(snapshot, {"short"}) == -EINVAL);
  CHECK_THAT(server.message(), Contains("short has 61440 bytes, and the VM has 65536"));
  CHECK(server.open(snapshot, {"memory"}, "none") == -ENOENT);
  CHECK(server.open(snapshot, {"memory"}, "pages") == -EINVAL);
  CHECK_THAT(server.message(), Contains("pages is no working set of this memory"));
  CHECK(server.open(snapshot, {"memory"}, nullptr, 2 << 20) == -ENOTSUP);
  CHECK_THAT(server.remedy(), Contains("memory.uffd"));
  CHECK(server.open(snapshot, {"memory"}) == 0);
}

/// So many that the pages round a fault, which the kernel maps with it, are not all.
constexpr std::uint64_t kMany = 4096;

bool in_page_cache(const std::string& path, std::uint64_t page) {
  const Fd file = must(base::open_file(path, O_RDONLY));
  void* mapped = ::mmap(nullptr, kMany * kPage, PROT_READ, MAP_SHARED, file.get(), 0);
  REQUIRE(mapped != MAP_FAILED);
  unsigned char in = 0;
  CHECK(::mincore(static_cast<char*>(mapped) + page * kPage, kPage, &in) == 0);
  ::munmap(mapped, kMany * kPage);
  return (in & 1) != 0;
}

/// False on a file system that is nothing but a page cache.
bool drop_from_page_cache(const std::string& path) {
  const Fd file = must(base::open_file(path, O_RDONLY));
  REQUIRE(::fsync(file.get()) == 0);
  REQUIRE(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  return !in_page_cache(path, 0) && !in_page_cache(path, kMany / 2);
}

TEST_CASE("what one clone touched is in the page cache before the next one runs") {
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kMany, 'm'));
  {
    Server server;
    REQUIRE(server.open(snapshot, {"memory"}, nullptr, kPage, kMany * kPage) == 0);
    Clone clone(server, "clone", FCVM_CLONE_RECORD, kMany * kPage);
    Clone other(server, "other", 0, kMany * kPage);
    CHECK(server.prefetch("clone") == 0);  // of nothing
    (void)clone.vmm->page(10 * kPage);
    clone.vmm->write(3000 * kPage, 'X');
    (void)other.vmm->page(2000 * kPage);
    CHECK(server.working_set("clone", snapshot, "used") == 0);
    CHECK(server.working_set("clone", snapshot, "used") == -EEXIST);
    CHECK(server.working_set("other", snapshot, "other") == -EINVAL);
    clone.vmm->kill();
    CHECK(server.working_set("clone", snapshot, "late") == -ESRCH);
    CHECK(::access(snapshot.path("other").c_str(), F_OK) != 0);
    CHECK(::access(snapshot.path("late").c_str(), F_OK) != 0);
  }
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}, "used", kPage, kMany * kPage) == 0);
  Clone clone(server, "clone", FCVM_CLONE_RECORD, kMany * kPage);
  const bool dropped = drop_from_page_cache(snapshot.path("memory"));
  CHECK(server.prefetch("clone") == 0);
  CHECK(in_page_cache(snapshot.path("memory"), 10));
  CHECK(in_page_cache(snapshot.path("memory"), 3000));
  if (dropped) CHECK_FALSE(in_page_cache(snapshot.path("memory"), 2000));
  const auto bytes = server.figures().bytes_prefetched;
  CHECK(bytes >= 2 * kPage);
  CHECK(bytes <= 2 * 16 * kPage);
  // Brought in counts as used.
  CHECK(server.working_set("clone", snapshot, "again") == 0);
  Server third;
  REQUIRE(third.open(snapshot, {"memory"}, "again", kPage, kMany * kPage) == 0);
  Clone last(third, "clone", 0, kMany * kPage);
  CHECK(third.prefetch("clone") == 0);
  CHECK(third.figures().bytes_prefetched == bytes);
}

TEST_CASE("a prefetch of what cannot be read fails, and ends with the VMM") {
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kMany, 'm'));
  {
    Server server;
    REQUIRE(server.open(snapshot, {"memory"}, nullptr, kPage, kMany * kPage) == 0);
    Clone clone(server, "clone", FCVM_CLONE_RECORD, kMany * kPage);
    (void)clone.vmm->page(3000 * kPage);
    CHECK(server.working_set("clone", snapshot, "used") == 0);
  }
  Server server;
  REQUIRE(server.open(snapshot, {"memory"}, "used", kPage, kMany * kPage) == 0);
  const Directory home;
  REQUIRE(server.attach("early", home) == 0);
  CHECK(server.prefetch("early") == -ESRCH);
  CHECK_THAT(server.message(), Contains("has not started"));
  Clone clone(server, "clone", 0, kMany * kPage);
  SECTION("by the end of the file") {
    std::filesystem::resize_file(snapshot.path("memory"), 100 * kPage);
    CHECK(server.prefetch("clone") == -EFAULT);
    // The kernel ends a VMM that touches it.
    CHECK(clone.vmm->page(3000 * kPage) == std::nullopt);
    CHECK(
        soon_is([&] { return clone.vmm->ended_by() != 0; }));  // SIGBUS, unless a sanitizer has it
  }
  SECTION("by the VMM's end") {
    clone.vmm->kill();
    CHECK(server.prefetch("clone") == -ESRCH);
  }
}

TEST_CASE("a clone is known by its id, once, and nothing of it stays") {
  const Directory snapshot;
  snapshot.write_layer("memory", std::string(kPages, 'm'));
  const Directory home;
  { const Server loaded; }
  const auto fds = open_fds();
  {
    Server server;
    REQUIRE(server.open(snapshot, {"memory"}) == 0);
    const Directory elsewhere;
    REQUIRE(server.attach("clone", home) == 0);
    CHECK(server.attach("clone", elsewhere) == -EEXIST);
    CHECK(server.prefetch("other") == -ENOENT);
    CHECK(server.working_set("other", home, "used") == -ENOENT);
    CHECK(server.clone_health("other") == -ENOENT);
    CHECK(server.detach("other") == -ENOENT);
    CHECK(server.detach("clone") == 0);
    CHECK(server.detach("clone") == -ENOENT);
    REQUIRE(server.attach("clone", home) == 0);
    CHECK(server.close() == 0);
  }
  CHECK(open_fds() == fds);
  CHECK(::faccessat(home.fd(), "snapshot-memory", F_OK, AT_SYMLINK_NOFOLLOW) != 0);
}

}  // namespace
}  // namespace fcvm::test
