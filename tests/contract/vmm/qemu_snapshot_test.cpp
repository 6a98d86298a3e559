// Snapshots by the qemu plugin: what has to be the same, what is refused before QEMU runs, whose
// the memory is, and what a QEMU that misbehaves can do.
#include "tests/contract/vmm/fake_qemu.hpp"
#include "tests/contract/vmm/page_server.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

namespace {

constexpr std::size_t kMemory = 256u << 20;
constexpr std::size_t kChanged = kMemory - 4096;  // where the fake's port 15 writes

void make_snapshot(Machine& machine) {
  REQUIRE(machine.start() == 0);
  REQUIRE(machine.pause() == 0);
  const auto code = machine.snapshot();
  INFO(machine.message());
  REQUIRE(code == 0);
}

std::string word_at(const Machine& machine, const char* file, std::size_t offset) {
  const base::Fd fd(*base::open_at(machine.directory(), file, O_RDONLY));
  char word[32] = {};
  CHECK(::pread(fd.get(), word, sizeof word - 1, static_cast<off_t>(offset)) > 0);
  return word;
}

void change_ram(Machine& machine) {
  (void)machine.connected(7);
  base::Fd none;
  CHECK(machine.connect(15, none) == -ECONNREFUSED);
}

}  // namespace

TEST_CASE("memory is saved without its zeros, and is the source's no more") {
  Machine source(fake_qemu());
  make_snapshot(source);
  struct stat status {};
  REQUIRE(::fstatat(source.directory(), "memory", &status, 0) == 0);
  CHECK(static_cast<std::size_t>(status.st_size) == kMemory);
  CHECK(status.st_blocks * 512 < 1 << 20);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(word_at(source, "memory", 4096) == "the fake's RAM");
  REQUIRE(source.resume() == 0);
  change_ram(source);
  CHECK(word_at(source, "memory", kChanged).empty());
}

TEST_CASE("what a clone changes is its own, and in its own snapshots") {
  Machine source(fake_qemu());
  make_snapshot(source);
  REQUIRE(::fchmodat(source.directory(), "memory", 0400, 0) == 0);
  Machine clone(fake_qemu());
  clone.take_snapshot(source);
  const auto restored = clone.restore(source.status().vmm_version);
  INFO(clone.message());
  REQUIRE(restored == 0);
  change_ram(clone);
  CHECK(word_at(source, "memory", kChanged).empty());
  REQUIRE(clone.pause() == 0);
  auto wanted = sized<fcvm_vm_snapshot>();
  wanted.type = FCVM_SNAPSHOT_FULL;
  wanted.device_state = "state2";
  wanted.memory = "memory2";
  REQUIRE(clone.verbs().snapshot(clone.instance(), &wanted, in_ms(20'000), clone.error()) == 0);
  CHECK(word_at(clone, "memory2", 4096) == "the fake's RAM");
  CHECK(word_at(clone, "memory2", kChanged) == "changed");
  CHECK(word_at(source, "memory", kChanged).empty());
}

TEST_CASE("two snapshots in one pause are the same") {
  Machine source(fake_qemu());
  make_snapshot(source);
  const std::string first = source.read("state");
  REQUIRE(source.snapshot() == 0);
  CHECK(source.read("state") == first);
}

TEST_CASE("a VM that differs from the snapshot's is refused before QEMU runs") {
  Machine source(fake_qemu());
  make_snapshot(source);
  Machine clone(fake_qemu());
  clone.take_snapshot(source);
  clone.spec().cpus = 2;
  CHECK(clone.restore("qemu 8.1.2 tcg") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("has CPUs \"1\", and this one \"2\""));
  clone.spec().cpus = 1;
  clone.spec().memory_bytes = 512u << 20;
  CHECK(clone.restore("qemu 8.1.2 tcg") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("bytes of memory"));
  clone.spec().memory_bytes = kMemory;
  CHECK(clone.restore("firecracker 1.16.1") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("made by firecracker 1.16.1"));
  clone.spec().flags = FCVM_VM_HUGEPAGES;
  CHECK(clone.restore("") == -ENOTSUP);
  CHECK_FALSE(clone.exists("qemu.log"));
  CHECK(clone.status().state == FCVM_VM_NEW);
}

TEST_CASE("a snapshot that is not whole is refused, and named") {
  Machine source(fake_qemu());
  make_snapshot(source);
  Machine clone(fake_qemu());
  CHECK(clone.restore("") == -ENOENT);
  CHECK_THAT(clone.message(), Contains("state"));
  clone.write("state", "something else\n\n");
  CHECK(clone.restore("") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("not made by this plugin"));
  clone.write("state", source.read("state"));
  CHECK(clone.restore("") == -ENOENT);
  CHECK_THAT(clone.message(), Contains("memory"));
  clone.write("memory", "short");
  CHECK(clone.restore("") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("has 5 bytes"));
  CHECK(clone.restore("", "pages.sock", FCVM_MEMORY_FROM_UFFD) == -ENOENT);
  CHECK_THAT(clone.remedy(), Contains("page server"));
}

TEST_CASE("a snapshot of another series of QEMU is refused with both versions") {
  Machine source(fake_qemu());
  make_snapshot(source);
  std::string state = source.read("state");
  state.replace(state.find("QEMU=8.1.2"), 10, "QEMU=7.2.9");
  Machine clone(fake_qemu());
  clone.take_snapshot(source);
  clone.write("state", state);
  CHECK(clone.restore("") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("made by QEMU 7.2.9, and this is 8.1.2"));
  CHECK_FALSE(clone.exists("guest.sock"));
}

TEST_CASE("diff snapshots are not offered, and say why") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  REQUIRE(machine.pause() == 0);
  CHECK(machine.snapshot(FCVM_SNAPSHOT_DIFF) == -ENOTSUP);
  CHECK_THAT(machine.message(), Contains("full snapshots only"));
  CHECK_FALSE(machine.exists("state"));
}

TEST_CASE("a snapshot that fails leaves nothing, and a VM that goes on") {
  Machine machine(fake_qemu("state-fails"));
  REQUIRE(machine.start() == 0);
  REQUIRE(machine.pause() == 0);
  CHECK(machine.snapshot() == -EIO);
  CHECK_THAT(machine.message(), Contains("disk full"));
  CHECK_FALSE(machine.exists("state"));
  CHECK_FALSE(machine.exists("memory"));
  CHECK_FALSE(machine.exists("state.new"));
  CHECK(machine.resume() == 0);
  CHECK(machine.connected(7).valid());
}

TEST_CASE("a device state without end is cut off") {
  Machine machine(fake_qemu("endless"));
  REQUIRE(machine.start() == 0);
  REQUIRE(machine.pause() == 0);
  CHECK(machine.snapshot() == -EFBIG);
  CHECK_FALSE(machine.exists("state"));
}

TEST_CASE("a QEMU that cannot load the state is quoted, and nothing is left of it") {
  Machine source(fake_qemu("bad-state"));
  make_snapshot(source);
  Machine clone(fake_qemu("bad-state"));
  clone.take_snapshot(source);
  CHECK(clone.restore("") < 0);
  CHECK_THAT(clone.message(), Contains("exited with 1") && Contains("error while loading state"));
  CHECK(clone.status().state == FCVM_VM_NEW);
  CHECK_FALSE(clone.exists("guest.sock"));
}

TEST_CASE("a QEMU that does not take the preloaded library gets no guest") {
  Machine source(fake_qemu());
  make_snapshot(source);
  const auto directory = *base::TempDir::create();
  const std::string script = directory.path() + "/qemu";
  REQUIRE(base::write_file_atomic(
      script,
      std::string("#!/bin/sh\nexec env -u LD_PRELOAD '") + FCVM_TEST_FAKE_QEMU + "' \"$@\"\n",
      0755));
  Subject subject = fake_qemu();
  subject.texts["binary"] = script;
  Machine clone(subject);
  clone.take_snapshot(source);
  CHECK(clone.restore("") == -ENOTSUP);
  CHECK_THAT(clone.message(), Contains("did not take") && Contains("qemu-memory.so"));
}

TEST_CASE("pages come from a page server, and a snapshot of that clone is whole") {
  Machine source(fake_qemu());
  make_snapshot(source);
  Machine clone(fake_qemu());
  clone.write("state", source.read("state"));
  auto server = PageServer::open(clone.directory(), "pages.sock", source.path() + "/memory");
  REQUIRE(server);
  const auto code = clone.restore("", "pages.sock", FCVM_MEMORY_FROM_UFFD);
  INFO(clone.message());
  if (code == -EIO && clone.message().find("userfaultfd: Operation not") != std::string::npos) {
    CHECK_THAT(clone.remedy(), Contains("root"));
    skip("this host lets no ordinary user have userfaultfd");
    return;
  }
  REQUIRE(code == 0);
  CHECK((*server)->pages() > 0);
  REQUIRE(clone.pause() == 0);
  REQUIRE(clone.snapshot() == 0);
  CHECK(word_at(clone, "memory", 4096) == "the fake's RAM");
}

TEST_CASE("a page server that is not there is told by QEMU's library") {
  Machine source(fake_qemu());
  make_snapshot(source);
  Machine clone(fake_qemu());
  clone.write("state", source.read("state"));
  clone.write("pages.sock", "no socket");
  CHECK(clone.restore("", "pages.sock", FCVM_MEMORY_FROM_UFFD) == -EIO);
  CHECK_THAT(clone.message(), Contains("connecting to the page server"));
}
