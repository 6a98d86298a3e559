// Every way in which Firecracker is missing, too old, silent or dead has words of its own.
#include <csignal>
#include <thread>

#include "core/base/io/unix_socket.hpp"
#include "tests/contract/vmm/fake_binary.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

namespace {

fcvm_probe probe(Machine& machine) {
  auto answer = sized<fcvm_probe>();
  REQUIRE(machine.plugin().probe(vmm_host(), machine.settings(), in_ms(10'000), &answer,
                                 machine.error()) == 0);
  return answer;
}

void check_clean(const Machine& machine) {
  CHECK_FALSE(machine.exists("guest.sock"));
  CHECK_FALSE(machine.exists("firecracker.sock"));
}

}  // namespace

TEST_CASE("a Firecracker that is not there is named, with what installs it") {
  Subject subject = FakeBinary(16).subject();  // removed by now
  Machine machine(subject);
  CHECK(machine.start() == -ENOENT);
  CHECK_THAT(machine.message(), Contains(subject.texts["binary"]));
  CHECK_THAT(machine.remedy(), Contains("install Firecracker"));
  CHECK(probe(machine).status == FCVM_PROBE_UNUSABLE);
}

TEST_CASE("a path that means another file in each directory is refused") {
  Subject subject = FakeBinary(16).subject();
  subject.texts["binary"] = "./firecracker";
  Machine machine(subject);
  CHECK(machine.start() == -EINVAL);
  CHECK_THAT(machine.message(), Contains("./firecracker is a relative path"));
  CHECK_THAT(machine.remedy(), Contains("whole path"));
}

TEST_CASE("a Firecracker that is too old is refused") {
  const FakeBinary binary(9);
  Machine machine(binary.subject());
  CHECK(machine.start() == -ENOTSUP);
  CHECK_THAT(machine.message(), Contains("1.9.1") && Contains("1.10"));
  CHECK_THAT(std::string(probe(machine).reason), Contains("1.9.1"));
}

TEST_CASE("a program that is not a Firecracker is told so") {
  Subject subject = FakeBinary(16).subject();
  subject.texts["binary"] = "/bin/echo";
  Machine machine(subject);
  CHECK(machine.start() == -EPROTO);
  CHECK_THAT(machine.message(), Contains("does not say which version"));
}

TEST_CASE("probe gives the version or what is wrong with KVM") {
  const FakeBinary binary(16);
  Machine machine(binary.subject());
  const auto answer = probe(machine);
  if (answer.status == FCVM_PROBE_USABLE) {
    CHECK_THAT(std::string(answer.detail), Contains("Firecracker 1.16.1 at"));
  } else {
    CHECK_THAT(std::string(answer.reason), Contains("/dev/kvm"));
    CHECK_FALSE(std::string(answer.remedy).empty());
  }
}

TEST_CASE("Firecracker that dies before it opens its socket is quoted") {
  const FakeBinary binary(16, "die");
  Machine machine(binary.subject());
  CHECK(machine.start() == -ESRCH);
  CHECK_THAT(machine.message(), Contains("API socket") && Contains("exited with 1") &&
                                    Contains("SeccompFilter(the fake dies)"));
  check_clean(machine);
}

TEST_CASE("a socket that never appears is given up, sooner than the deadline if need be") {
  const FakeBinary binary(16, "no-socket");
  Machine machine(binary.subject());
  CHECK(machine.start(3000) == -ETIMEDOUT);
  CHECK_THAT(machine.message(), Contains("waiting for Firecracker's API socket"));
  check_clean(machine);
  Subject impatient = binary.subject();
  impatient.durations["start-timeout"] = 200'000'000;
  Machine other(impatient);
  CHECK(other.start() == -ETIMEDOUT);
  CHECK_THAT(other.message(), Contains("did not appear within 200 ms"));
  CHECK_THAT(other.remedy(), Contains("start-timeout"));
  check_clean(other);
}

TEST_CASE("Firecracker that dies between two calls is quoted") {
  const FakeBinary binary(16, "die-at:PUT /vsock");
  Machine machine(binary.subject());
  CHECK(machine.start() == -ESRCH);
  CHECK_THAT(machine.message(), Contains("starting the VM") && Contains("exited with 1") &&
                                    Contains("panicked at fake") &&
                                    Contains("the fake's serial console"));
  check_clean(machine);
  CHECK(machine.status().state == FCVM_VM_NEW);
}

TEST_CASE("Firecracker that was taken over takes nobody with it") {
  for (const char* mode : {"close-at", "garbage-at", "flood-at", "drip-at"}) {
    INFO(mode);
    const FakeBinary at_start(16, std::string(mode) + ":PUT /vsock");
    const bool drips = std::string(mode) == "drip-at";
    Machine starting(at_start.subject());
    const auto code = starting.start(drips ? 1000 : 20'000);
    CHECK((code == -EPIPE || code == -EPROTO || code == -EMSGSIZE || code == -ETIMEDOUT));
    CHECK((code == -ETIMEDOUT) == drips);
    CHECK_THAT(starting.message(), Contains("starting the VM"));
    CHECK(starting.status().state == FCVM_VM_NEW);
    check_clean(starting);
    const FakeBinary later(16, std::string(mode) + ":PATCH /vm");
    Machine machine(later.subject());
    REQUIRE(machine.start() == 0);
    CHECK(machine.pause(drips ? 300 : 20'000) < 0);
    CHECK(machine.status().state == FCVM_VM_RUNNING);
    CHECK(machine.connected(7).valid());
    CHECK(machine.set_balloon(1 << 20) == 0);  // on a new connection
    CHECK(machine.kill() == 0);
    check_clean(machine);
  }
}

TEST_CASE("Firecracker that stops answering is given up at the deadline and can be killed") {
  const FakeBinary binary(16, "mute-at:PATCH /vm");
  Machine machine(binary.subject());
  REQUIRE(machine.start() == 0);
  CHECK(machine.pause(200) == -ETIMEDOUT);
  CHECK_THAT(machine.message(), Contains("pausing the VM"));
  CHECK(machine.status().state == FCVM_VM_RUNNING);
  std::thread canceler([&] {
    ::usleep(100'000);
    machine.plugin().cancel(machine.instance());
  });
  CHECK(machine.pause() == -ECANCELED);
  canceler.join();
  CHECK(machine.kill() == 0);
  check_clean(machine);
}

TEST_CASE("what Firecracker refuses is passed on in its own words") {
  const FakeBinary binary(10);
  Machine machine(binary.subject());
  REQUIRE(machine.start() == 0);
  REQUIRE(machine.pause() == 0);
  CHECK(machine.snapshot(FCVM_SNAPSHOT_DIFF) == -EINVAL);
  CHECK_THAT(machine.message(),
             Contains("Diff snapshots are not allowed") && Contains("1.10.1 refused"));
  CHECK_FALSE(machine.exists("state"));
}

TEST_CASE("without a network there is no metadata") {
  const FakeBinary binary(16);
  Machine machine(binary.subject());
  machine.spec().metadata_json = "{}";
  REQUIRE(machine.start() == 0);
  CHECK(machine.verbs().set_metadata(machine.instance(), "{}", in_ms(5000), machine.error()) ==
        -ENOTSUP);
}

TEST_CASE("a socket left by another life is not an obstacle") {
  const FakeBinary binary(16);
  Machine machine(binary.subject());
  (void)base::listen_unix_at(machine.directory(), "guest.sock");
  (void)base::listen_unix_at(machine.directory(), "firecracker.sock");
  CHECK(machine.start() == 0);
  CHECK(machine.connected(7).valid());
}

TEST_CASE("a kernel panic is the reason of the end") {
  const FakeBinary binary(16);
  Machine machine(binary.subject());
  REQUIRE(machine.start() == 0);
  const base::Fd console(::openat(machine.directory(), "console", O_WRONLY | O_APPEND | O_CLOEXEC));
  REQUIRE(base::write_all(console.get(), "[ 1.0] Kernel panic - not syncing: VFS\n"));
  base::Fd none;
  CHECK(machine.connect(11, none) < 0);
  CHECK_THAT(std::string(machine.ended().end_reason), Contains("not syncing: VFS"));
}
