// Snapshots: made, loaded from a file and from a page server, and refused in time.
#include <thread>

#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "tests/contract/vmm/fake_binary.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

namespace {

struct Network {
  fcvm_nic nic = sized<fcvm_nic>();
  const fcvm_nic* nics[1] = {&nic};
  Network(Machine& machine, const char* tap) {
    nic.id = "eth0";
    nic.tap = tap;
    machine.spec().nics = nics;
    machine.spec().nic_count = 1;
    machine.spec().metadata_json = R"({"name":"web"})";
  }
};

void make_snapshot(Machine& machine, std::uint32_t type = FCVM_SNAPSHOT_FULL) {
  REQUIRE(machine.start() == 0);
  REQUIRE(machine.pause() == 0);
  INFO(machine.message());
  REQUIRE(machine.snapshot(type) == 0);
}

std::string last_lines(const Machine& machine) { return machine.read("requests.log"); }

}  // namespace

TEST_CASE("a clone has its own tap, its own socket and its metadata, then runs") {
  for (const int minor : {10, 13, 16, 17}) {
    const FakeBinary binary(minor);
    Machine source(binary.subject());
    const Network first(source, "tap0");
    make_snapshot(source);
    Machine clone(binary.subject());
    const Network second(clone, "tap1");
    clone.take_snapshot(source);
    clone.spec().flags = FCVM_VM_TRACK_DIRTY;
    const auto code = clone.restore(source.status().vmm_version);
    INFO("1." << minor << ": " << clone.message());
    REQUIRE(code == 0);
    CHECK(clone.status().state == FCVM_VM_RUNNING);
    CHECK(clone.connected(7).valid());
    const std::string log = last_lines(clone);
    CHECK((log.find("network_overrides") != std::string::npos) == (minor >= 12));
    CHECK((log.find("vsock_override") != std::string::npos) == (minor >= 16));
    CHECK((log.find("\"track_dirty_pages\":true") != std::string::npos) == (minor >= 13));
    CHECK(log.find("PUT /mmds {") < log.find("PATCH /vm {\"state\":\"Resumed\"}"));
    CHECK(clone.pause() == 0);
    CHECK(clone.snapshot(FCVM_SNAPSHOT_DIFF) == 0);
  }
}

TEST_CASE("a snapshot replaces files, and writes into none that a clone may have mapped") {
  for (const std::uint32_t type : {FCVM_SNAPSHOT_FULL, FCVM_SNAPSHOT_DIFF}) {
    const FakeBinary binary(16);
    Machine machine(binary.subject());
    for (const std::string name : {"state", "memory"}) {
      machine.write("shared-" + name, "a clone's " + name);
      REQUIRE(std::system(("ln -s shared-" + name + " " + machine.path() + "/" + name).c_str()) ==
              0);
      machine.write(name + ".part", "left by another life");
    }
    make_snapshot(machine, type);
    CHECK(machine.read("shared-memory") == "a clone's memory");
    CHECK(machine.read("shared-state") == "a clone's state");
    CHECK(machine.read("memory") == std::string(4096, 'm'));
    CHECK_THAT(machine.read("state"), Contains("1.16.1"));
    CHECK_FALSE(machine.exists("state.part"));
    CHECK_FALSE(machine.exists("memory.part"));
  }
}

TEST_CASE("without metadata the load resumes by itself") {
  const FakeBinary binary(16);
  Machine source(binary.subject());
  make_snapshot(source);
  Machine clone(binary.subject());
  clone.take_snapshot(source);
  REQUIRE(clone.restore("firecracker 1.16.1") == 0);
  CHECK_THAT(last_lines(clone), Contains("\"resume_vm\":true") && !Contains("PATCH"));
}

TEST_CASE("a snapshot of another version is refused before anything starts") {
  const FakeBinary old(13);
  const FakeBinary newer(16);
  Machine source(old.subject());
  make_snapshot(source);
  Machine clone(newer.subject());
  clone.take_snapshot(source);
  CHECK(clone.restore(source.status().vmm_version) == -EINVAL);
  CHECK_THAT(clone.message(), Contains("made by Firecracker 1.13.1, and this is 1.16.1"));
  CHECK_THAT(clone.remedy(), Contains("binary"));
  CHECK(clone.restore("qemu 8.1.2 kvm") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("made by qemu"));
  CHECK_FALSE(clone.exists("requests.log"));
  // Where nobody recorded the version, Firecracker's own words have to do.
  CHECK(clone.restore("") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("bitcode serialization"));
  CHECK(clone.status().state == FCVM_VM_NEW);
  CHECK_FALSE(clone.exists("guest.sock"));
}

TEST_CASE("another patch's snapshot loads when the format is known to be the same") {
  const FakeBinary binary(16);
  Machine source(binary.subject());
  make_snapshot(source);
  CHECK(std::string(source.status().snapshot_format) == "v16.0.0");
  Machine clone(binary.subject());
  clone.take_snapshot(source);
  CHECK(clone.restore("firecracker 1.16.7") == -EINVAL);
  CHECK(clone.restore("firecracker 1.16.7", "memory", FCVM_MEMORY_FROM_FILE, "v15.0.0") == -EINVAL);
  CHECK_THAT(clone.message(), Contains("1.16.7 (snapshot format v15.0.0), and this is 1.16.1 "
                                       "(snapshot format v16.0.0)"));
  CHECK(clone.restore("firecracker 1.15.1", "memory", FCVM_MEMORY_FROM_FILE, "v16.0.0") == -EINVAL);
  CHECK_FALSE(clone.exists("requests.log"));
  CHECK(clone.restore("firecracker 1.16.7", "memory", FCVM_MEMORY_FROM_FILE, "v16.0.0") == 0);
}

TEST_CASE("what a restore needs is looked for first") {
  const FakeBinary binary(16);
  Machine clone(binary.subject());
  CHECK(clone.restore("firecracker 1.16.1") == -ENOENT);
  CHECK_THAT(clone.message(), Contains("snapshot's state state"));
  clone.write("state", "{}");
  CHECK(clone.restore("firecracker 1.16.1") == -ENOENT);
  CHECK_THAT(clone.message(), Contains("snapshot's memory memory"));
  CHECK(clone.restore("firecracker 1.16.1", "pages.sock", FCVM_MEMORY_FROM_UFFD) == -ENOENT);
  CHECK_THAT(clone.remedy(), Contains("page server"));
  clone.write("memory", "m");
  clone.spec().flags = FCVM_VM_HUGEPAGES;
  CHECK(clone.restore("firecracker 1.16.1") == -ENOTSUP);
  CHECK_FALSE(clone.exists("requests.log"));
}

TEST_CASE("a page server gets one message with one descriptor") {
  const FakeBinary binary(16);
  Machine source(binary.subject());
  make_snapshot(source);
  Machine clone(binary.subject());
  clone.take_snapshot(source);
  auto listener = base::listen_unix_at(clone.directory(), "pages.sock");
  REQUIRE(listener);
  std::string body;
  std::size_t descriptors = 0;
  std::thread server([&] {
    auto client = base::accept_connection(listener->get());
    if (!client) return;
    auto message = base::receive_fds(client->get(), 4096, 4);
    if (!message) return;
    body = message->bytes;
    descriptors = message->fds.size();
  });
  const auto code = clone.restore("firecracker 1.16.1", "pages.sock", FCVM_MEMORY_FROM_UFFD);
  if (code != 0) ::shutdown(listener->get(), SHUT_RDWR);
  server.join();
  INFO(clone.message());
  REQUIRE(code == 0);
  CHECK(descriptors == 1);
  CHECK_THAT(body, Contains("base_host_virt_addr") && Contains("\"page_size_kib\":4096"));
  CHECK_THAT(last_lines(clone), Contains("\"backend_type\":\"Uffd\""));
}

TEST_CASE("a snapshot with another socket inside is refused where it cannot be moved") {
  const FakeBinary binary(13);
  Machine source(binary.subject());
  source.spec().guest_socket = "other.sock";
  make_snapshot(source);
  Machine clone(binary.subject());
  clone.take_snapshot(source);
  CHECK(clone.restore("firecracker 1.13.1") == -ENOENT);
  CHECK_THAT(clone.message(), Contains("guest socket guest.sock"));
}

TEST_CASE("a diff snapshot of a VM that tracks no pages is refused by old versions") {
  const FakeBinary binary(10);
  Machine machine(binary.subject());
  REQUIRE(machine.start() == 0);
  REQUIRE(machine.pause() == 0);
  machine.write("memory", "the full one");
  CHECK(machine.snapshot(FCVM_SNAPSHOT_DIFF) == -EINVAL);
  CHECK(machine.read("memory") == "the full one");
  CHECK_FALSE(machine.exists("state"));
}
