// What every plugin of kind vmm/1 promises: the same cases for Firecracker's versions (faked), for
// QEMU (faked), and for the real Firecracker where FCVM_TEST_FIRECRACKER names one and /dev/kvm
// opens.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "tests/contract/vmm/fake_binary.hpp"
#include "tests/contract/vmm/fake_qemu.hpp"
#include "tests/contract/vmm/real_firecracker.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

namespace {

void goes_through_its_life(const Subject& subject) {
  Machine machine(subject);
  give_real_kernel(machine, subject);
  CHECK(machine.status().state == FCVM_VM_NEW);
  CHECK(machine.pause() < 0);
  succeeded(machine, machine.start());
  const auto running = machine.status();
  CHECK(running.state == FCVM_VM_RUNNING);
  CHECK(running.pid > 0);
  CHECK(running.pidfd >= 0);
  CHECK(std::string(running.accelerator) == subject.accelerator);
  if (!subject.version.empty()) CHECK(std::string(running.vmm_version) == subject.version);
  CHECK(machine.start() == -EBUSY);
  CHECK(machine.pause() == 0);
  CHECK(machine.status().state == FCVM_VM_PAUSED);
  CHECK(machine.resume() == 0);
  CHECK(machine.status().state == FCVM_VM_RUNNING);
  CHECK(machine.kill() == 0);
  CHECK(machine.status().state == FCVM_VM_ENDED);
  CHECK(machine.status().exit_signal == SIGKILL);
  CHECK(std::string(machine.status().end_reason) == "killed by fcvm");
  CHECK(::kill(running.pid, 0) != 0);
  CHECK(machine.kill() == 0);
}

void leaves_nothing_behind(const Subject& subject) {
  Machine machine(subject);
  give_real_kernel(machine, subject);
  succeeded(machine, machine.start());
  const int pid = machine.status().pid;
  CHECK(machine.exists("guest.sock"));
  machine.destroy();
  CHECK(::kill(pid, 0) != 0);
  CHECK_FALSE(machine.exists("guest.sock"));
}

void connects_to_guest_ports(const Subject& subject) {
  Machine machine(subject);
  succeeded(machine, machine.start());
  const base::Fd echo = machine.connected(7);
  CHECK((::fcntl(echo.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(echo.get(), F_GETFL) & O_NONBLOCK) == 0);
  REQUIRE(base::write_all(echo.get(), "hello"));
  char back[5];
  REQUIRE(base::read_exact(echo.get(), back));
  CHECK(std::string(back, 5) == "hello");
  base::Fd none;
  CHECK(machine.connect(99, none) == -ECONNREFUSED);
  CHECK(machine.connect(13, none, 200) == -ETIMEDOUT);
  const base::Fd bye = machine.connected(14);
  auto said = base::read_all(bye.get(), 100);
  REQUIRE(said);
  CHECK(*said == "bye");
}

void connects_from_many_threads(const Subject& subject) {
  Machine machine(subject);
  succeeded(machine, machine.start());
  (void)machine.connected(7);
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto error = sized<fcvm_error>();
      auto now = sized<fcvm_vm_status>();
      int fd = -1;
      for (int round = 0; round < 5; ++round) {
        failures += machine.verbs().status(machine.instance(), &now, &error) != 0;
        failures += machine.verbs().connect(machine.instance(), 7, in_ms(20'000), &fd, &error) != 0;
        ::close(fd);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
}

void is_canceled_in_time(const Subject& subject) {
  Machine machine(subject);
  succeeded(machine, machine.start());
  (void)machine.connected(7);
  std::thread canceler([&] {
    ::usleep(100'000);
    machine.plugin().cancel(machine.instance());
  });
  base::Fd none;
  CHECK(machine.connect(13, none) == -ECANCELED);
  canceler.join();
  CHECK(machine.connected(7).valid());
}

void says_how_it_ended(const Subject& subject) {
  Machine crashing(subject);
  succeeded(crashing, crashing.start());
  (void)crashing.connected(7);
  base::Fd none;
  CHECK(crashing.connect(10, none) < 0);
  CHECK(std::string(crashing.ended().end_reason) == "killed by signal 4");
  CHECK(crashing.pause() == -ESRCH);
  CHECK_THAT(crashing.message(), Contains("killed by signal 4"));
  Machine leaving(subject);
  succeeded(leaving, leaving.start());
  (void)leaving.connected(7);
  CHECK(leaving.connect(11, none) < 0);
  CHECK(std::string(leaving.ended().end_reason) == "guest powered off");
}

void counts_its_balloon(const Subject& subject) {
  Machine machine(subject);
  succeeded(machine, machine.start());
  CHECK(machine.set_balloon(64u << 20) == 0);
  fcvm_vm_balloon figures = machine.balloon();
  for (int i = 0; i < 300 && figures.actual_bytes == 0; ++i) {
    ::usleep(10'000);
    figures = machine.balloon();
  }
  CHECK(figures.target_bytes == 64u << 20);
  CHECK(figures.actual_bytes == 64u << 20);
  CHECK(figures.flags == FCVM_BALLOON_GUEST_REPORTS);
  CHECK(figures.total_bytes == 1000);
  CHECK(figures.free_bytes == 600);
  CHECK(figures.swapped_in_bytes == 0);
  CHECK(machine.set_balloon(256u << 20) == -EINVAL);
}

void is_restored(const Subject& subject) {
  Machine source(subject);
  give_real_kernel(source, subject);
  succeeded(source, source.start());
  CHECK(source.snapshot() < 0);
  REQUIRE(source.pause() == 0);
  REQUIRE(source.snapshot() == 0);
  REQUIRE(source.resume() == 0);
  const std::string version = source.status().vmm_version;
  Machine clone(subject);
  clone.take_snapshot(source);
  INFO(clone.message());
  clone.spec().flags = FCVM_VM_START_PAUSED;
  REQUIRE(clone.restore(version.c_str()) == 0);
  CHECK(clone.status().state == FCVM_VM_PAUSED);
  CHECK(clone.resume() == 0);
  CHECK(clone.status().state == FCVM_VM_RUNNING);
  if (subject.fake_guest) CHECK(clone.connected(7).valid());
}

void promises(const Subject& subject) {
  INFO(subject.name);
  goes_through_its_life(subject);
  leaves_nothing_behind(subject);
  if (subject.snapshots) is_restored(subject);
  if (!subject.fake_guest) return;
  connects_to_guest_ports(subject);
  connects_from_many_threads(subject);
  is_canceled_in_time(subject);
  says_how_it_ended(subject);
  counts_its_balloon(subject);
}

}  // namespace

TEST_CASE("Firecracker keeps the contract of vmm/1, whatever its version") {
  for (const int minor : {10, 13, 16, 17, 42}) promises(FakeBinary(minor).subject());
}

TEST_CASE("QEMU keeps the contract of vmm/1") { promises(fake_qemu()); }

TEST_CASE("the real Firecracker keeps the contract of vmm/1", "[.real]") {
  for (const Subject& subject : real_firecracker()) promises(subject);
}
