// What a pause does to the streams between host and guest, for each version's way of resuming.
#include <poll.h>
#include <sys/socket.h>

#include "core/base/io/poll.hpp"
#include "tests/contract/vmm/fake_binary.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

namespace {

constexpr std::uint32_t kEcho = 7;

/// Whether the guest sends back what it is sent; never for longer than a loaded machine needs.
bool echoes(const base::Fd& stream) {
  if (::send(stream.get(), "x", 1, MSG_NOSIGNAL) != 1) return false;
  if (!base::wait_readable(stream.get(), base::Deadline::in(std::chrono::seconds(20))))
    return false;
  char back = 0;
  return ::read(stream.get(), &back, 1) == 1 && back == 'x';
}

bool has_ended(const base::Fd& stream) {
  if (!base::wait_readable(stream.get(), base::Deadline::in(std::chrono::seconds(20))))
    return false;
  char byte = 0;
  return ::read(stream.get(), &byte, 1) == 0;
}

}  // namespace

TEST_CASE("after a pause the guest hears the host, and no stream hangs") {
  const std::pair<int, const char*> versions[] = {
      {10, ""}, {15, ""}, {16, ""}, {17, "-dev"}, {17, ""}};
  for (const auto& [minor, suffix] : versions) {
    INFO("1." << minor << suffix);
    const bool mutes = minor == 16 || *suffix != '\0';
    const FakeBinary binary(minor, "well", suffix);
    Machine machine(binary.subject());
    REQUIRE(machine.start() == 0);
    for (int round = 0; round < 2; ++round) {
      const base::Fd before = machine.connected(kEcho);
      const base::Fd other = machine.connected(kEcho);
      REQUIRE(echoes(before));
      REQUIRE(machine.pause() == 0);
      REQUIRE(machine.resume() == 0);
      CHECK(echoes(machine.connected(kEcho)));
      if (mutes) {
        CHECK(has_ended(before));
        CHECK(has_ended(other));
      } else {
        CHECK(echoes(before));
        CHECK(echoes(other));
      }
    }
    CHECK((machine.read("requests.log").find("/dev/null") != std::string::npos) == mutes);
    CHECK(machine.status().state == FCVM_VM_RUNNING);
  }
}

TEST_CASE("streams of a guest that was saved end when it goes on") {
  for (const int minor : {10, 16, 17}) {
    INFO("1." << minor);
    const FakeBinary binary(minor);
    Machine machine(binary.subject());
    REQUIRE(machine.start() == 0);
    const base::Fd before = machine.connected(kEcho);
    REQUIRE(echoes(before));
    REQUIRE(machine.pause() == 0);
    REQUIRE(machine.snapshot() == 0);
    REQUIRE(machine.resume() == 0);
    CHECK(has_ended(before));
    CHECK(echoes(machine.connected(kEcho)));
    CHECK_THAT(machine.read("requests.log"), !Contains("/dev/null"));
  }
}

TEST_CASE("a clone that was loaded paused hears the host, however often it is paused") {
  const FakeBinary binary(16);
  Machine source(binary.subject());
  REQUIRE(source.start() == 0);
  REQUIRE(source.pause() == 0);
  REQUIRE(source.snapshot() == 0);
  Machine clone(binary.subject());
  clone.write("state", source.read("state"));
  clone.write("memory", source.read("memory"));
  clone.spec().flags = FCVM_VM_START_PAUSED;
  REQUIRE(clone.restore("firecracker 1.16.1") == 0);
  REQUIRE(clone.resume() == 0);
  CHECK(echoes(clone.connected(kEcho)));
  CHECK_THAT(clone.read("requests.log"), !Contains("/dev/null"));
  REQUIRE(clone.pause() == 0);
  REQUIRE(clone.resume() == 0);
  CHECK(echoes(clone.connected(kEcho)));
  CHECK_THAT(clone.read("requests.log"), Contains("/dev/null"));
}

TEST_CASE("a running VM is not saved, and its streams live on") {
  const FakeBinary binary(16);
  Machine machine(binary.subject());
  REQUIRE(machine.start() == 0);
  const base::Fd stream = machine.connected(kEcho);
  CHECK(machine.snapshot() == -EINVAL);
  CHECK_THAT(machine.message(), Contains("the VM is running"));
  CHECK(echoes(stream));
  CHECK_FALSE(machine.exists("state"));
}
