// The life of a VM: start, pause, resume, status, kill, and every way in which QEMU dies.
#include <csignal>
#include <thread>

#include "tests/contract/vmm/fake_qemu.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

TEST_CASE("a VM starts, pauses, resumes and is killed") {
  Machine machine(fake_qemu());
  CHECK(machine.status().state == FCVM_VM_NEW);
  REQUIRE(machine.start() == 0);
  const auto running = machine.status();
  CHECK(running.state == FCVM_VM_RUNNING);
  CHECK(running.pid > 0);
  CHECK(std::string(running.vmm_version) == "qemu 8.1.2 tcg");
  CHECK(std::string(running.accelerator) == "tcg");
  CHECK(machine.verbs().pause(machine.instance(), in_ms(5000), machine.error()) == 0);
  CHECK(machine.status().state == FCVM_VM_PAUSED);
  CHECK(machine.verbs().resume(machine.instance(), in_ms(5000), machine.error()) == 0);
  CHECK(machine.status().state == FCVM_VM_RUNNING);
  CHECK(machine.kill() == 0);
  const auto ended = machine.status();
  CHECK(ended.state == FCVM_VM_ENDED);
  CHECK(ended.exit_signal == SIGKILL);
  CHECK(std::string(ended.end_reason) == "killed by fcvm");
  CHECK(::kill(running.pid, 0) != 0);
  CHECK(machine.kill() == 0);
}

TEST_CASE("destroying the instance ends QEMU and removes the guest socket") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  const int pid = machine.status().pid;
  machine.destroy();
  CHECK(::kill(pid, 0) != 0);
  CHECK(::access((machine.path() + "/guest.sock").c_str(), F_OK) != 0);
}

TEST_CASE("QEMU that dies at the start is quoted") {
  Machine machine(fake_qemu("die"));
  CHECK(machine.start() != 0);
  CHECK_THAT(machine.message(), Contains("could not load kernel") && Contains("exited with 1"));
  CHECK(machine.status().state == FCVM_VM_NEW);
}

TEST_CASE("QEMU keeps its sandbox, whatever it or a guest says of it") {
  Machine machine(fake_qemu("blames-sandbox"));
  CHECK(machine.start() < 0);
  CHECK_THAT(machine.message(), Contains("what a guest made it say"));
  CHECK(machine.status().state == FCVM_VM_NEW);
}

TEST_CASE("QEMU without seccomp is refused, unless it may go without") {
  const auto directory = *base::TempDir::create();
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const std::string script = directory.path() + "/qemu";
  const std::string text =
      std::string("#!/bin/sh\nfor word; do [ \"$word\" != -sandbox ] || exit 1; done\nexec '") +
      FCVM_TEST_FAKE_QEMU + "' \"$@\"\n";
  REQUIRE(base::write_file_atomic(script, text, 0755));
  Subject subject = fake_qemu("well", script.c_str());
  Machine refused(subject);
  CHECK(refused.start() == -ENOTSUP);
  CHECK_THAT(refused.message(), Contains("-sandbox"));
  CHECK_THAT(refused.remedy(), Contains("sandbox = false"));
  auto probe = sized<fcvm_probe>();
  REQUIRE(refused.plugin().probe(vmm_host(), refused.settings(), in_ms(10'000), &probe,
                                 refused.error()) == 0);
  CHECK(probe.status == FCVM_PROBE_UNUSABLE);
  CHECK_THAT(std::string(probe.remedy), Contains("sandbox = false"));
  subject.switches["sandbox"] = false;
  Machine without(subject);
  CHECK(without.start() == 0);
}

TEST_CASE("QEMU that does not speak is given up at the deadline") {
  Machine machine(fake_qemu("hang"));
  CHECK(machine.start(300) == -ETIMEDOUT);
  CHECK_THAT(machine.message(), Contains("did not answer in time"));
}

TEST_CASE("a start can be canceled") {
  Machine machine(fake_qemu("hang"));
  std::thread canceler([&] {
    ::usleep(100'000);
    machine.plugin().cancel(machine.instance());
  });
  CHECK(machine.start(20'000) == -ECANCELED);
  canceler.join();
}

TEST_CASE("QEMU that stops answering is given up at the deadline and can be killed") {
  Machine machine(fake_qemu("mute"));
  REQUIRE(machine.start() == 0);
  CHECK(machine.verbs().pause(machine.instance(), in_ms(200), machine.error()) == -ETIMEDOUT);
  CHECK(machine.status().state == FCVM_VM_RUNNING);
  CHECK(machine.verbs().resume(machine.instance(), in_ms(5000), machine.error()) == 0);
  CHECK(machine.kill() == 0);
}

TEST_CASE("an old QEMU is refused") {
  Machine machine(fake_qemu("old"));
  CHECK(machine.start() == -ENOTSUP);
  CHECK_THAT(machine.message(), Contains("4.1.2") && Contains("6.2"));
}

TEST_CASE("a QEMU that is not there is named, with what installs it") {
  Machine machine(fake_qemu("well", "/nonexistent/qemu"));
  CHECK(machine.start() == -ENOENT);
  CHECK_THAT(machine.message(), Contains("/nonexistent/qemu"));
  CHECK_THAT(std::string(machine.error()->remedy), Contains("apt install"));
}

TEST_CASE("QEMU that crashes mid-way says by which signal") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  auto echo = machine.connected(7);
  base::Fd fd;
  CHECK(machine.connect(10, fd) == -ESRCH);
  CHECK_THAT(machine.message(), Contains("killed by signal 4"));
  CHECK(read_to_end(echo).empty());
  CHECK(std::string(machine.ended().end_reason) == "killed by signal 4");
  CHECK(machine.connect(7, fd) == -ESRCH);
  CHECK(machine.verbs().pause(machine.instance(), in_ms(5000), machine.error()) == -ESRCH);
}

TEST_CASE("a guest that powers off is told from a QEMU that crashed") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  (void)machine.connected(7);
  base::Fd fd;
  CHECK(machine.connect(11, fd) == -ESRCH);
  const auto ended = machine.ended();
  CHECK(std::string(ended.end_reason) == "guest powered off");
  CHECK(ended.exit_code == 0);
}

TEST_CASE("the balloon counts what is taken from the guest") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  auto* set = machine.verbs().set_balloon;
  CHECK(set(machine.instance(), 64u << 20, in_ms(5000), machine.error()) == 0);
  for (int i = 0; i < 200 && machine.balloon().actual_bytes == 0; ++i) ::usleep(5000);
  CHECK(machine.balloon().actual_bytes == 64u << 20);
  CHECK(set(machine.instance(), 256u << 20, in_ms(5000), machine.error()) == -EINVAL);
}

TEST_CASE("what QEMU refuses is passed on") {
  Machine machine(fake_qemu("no-balloon"));
  REQUIRE(machine.start() == 0);
  CHECK(machine.verbs().set_balloon(machine.instance(), 1u << 20, in_ms(5000), machine.error()) !=
        0);
  CHECK_THAT(machine.message(), Contains("no balloon"));
}

TEST_CASE("probe says what it found and what limits it") {
  Machine machine(fake_qemu());
  auto probe = sized<fcvm_probe>();
  REQUIRE(machine.plugin().probe(vmm_host(), machine.settings(), in_ms(10'000), &probe,
                                 machine.error()) == 0);
  CHECK(probe.status == FCVM_PROBE_DEGRADED);
  CHECK_THAT(std::string(probe.reason), Contains("software emulation"));
  CHECK_THAT(std::string(probe.detail), Contains("QEMU 8.1.2"));
  Machine missing(fake_qemu("well", "no-such-qemu"));
  REQUIRE(missing.plugin().probe(vmm_host(), missing.settings(), in_ms(10'000), &probe,
                                 missing.error()) == 0);
  CHECK(probe.status == FCVM_PROBE_UNUSABLE);
}
