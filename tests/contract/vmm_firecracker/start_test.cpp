// How a VM is described to each version of Firecracker.
#include "tests/contract/vmm/fake_binary.hpp"
#include "tests/contract/vmm/full_spec.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

TEST_CASE("the one bucket of a disk holds both directions to the slower") {
  const FakeBinary binary(16);
  Machine machine(binary.subject());
  FullSpec full(machine);
  full.limit.bytes_per_second = full.limit.bytes_burst = full.limit.operations_per_second = 0;
  full.limit.read_bytes_per_second = 3'000'000;
  full.limit.write_bytes_per_second = 2'000'000;
  full.limit.write_operations_per_second = 70;
  REQUIRE(machine.start() == 0);
  const std::string log = machine.read("requests.log");
  CHECK_THAT(log, Contains(R"("bandwidth":{"refill_time":1000,"size":2000000})"));
  CHECK_THAT(log, Contains(R"("ops":{"refill_time":1000,"size":70})"));
}

TEST_CASE("every version accepts every request, with all devices") {
  for (const int minor : {10, 13, 16, 17}) {
    const FakeBinary binary(minor);
    Machine machine(binary.subject());
    const FullSpec full(machine);
    const auto code = machine.start();
    INFO("1." << minor << ": " << machine.message());
    REQUIRE(code == 0);
    const std::string log = machine.read("requests.log");
    CHECK_THAT(log, Contains(R"(PUT /drives/base_disk {"cache_type":"Writeback")"));
    CHECK_THAT(log, Contains(R"("bandwidth":{"one_time_burst":2000000,"refill_time":1000)"));
    CHECK_THAT(log, Contains(R"("ops":{"refill_time":1000,"size":100})"));
    CHECK_THAT(log, Contains(R"("network_interfaces":["eth_0"],"version":"V2")"));
    CHECK_THAT(log, Contains(R"(PUT /mmds {"labels":{"a":"b"},"name":"web"})"));
    CHECK_THAT(log, Contains(R"("amount_mib":32,"deflate_on_oom":true)"));
    CHECK_THAT(log, Contains("console=ttyS0 reboot=k i8042"));
    CHECK_THAT(log, Contains("fcvm.poweroff=reboot pci=off quiet panic=7 root=/dev/vda"));
    CHECK((log.find("\"mtu\":1400") != std::string::npos) == (minor >= 16));
    CHECK_THAT(log, Contains("PUT /actions {\"action_type\":\"InstanceStart\"}"));
    CHECK(machine.verbs().set_metadata(machine.instance(), "{\"x\":1}", in_ms(5000),
                                       machine.error()) == 0);
    CHECK(machine.verbs().set_metadata(machine.instance(), "[1]", in_ms(5000), machine.error()) ==
          -EINVAL);
  }
}

TEST_CASE("the kernel is ELF before 1.17, and either kind from then on") {
  for (const int minor : {16, 17}) {
    const FakeBinary binary(minor);
    Machine machine(binary.subject());
    machine.spec().kernel_elf = nullptr;
    const auto code = machine.start();
    CHECK(code == (minor == 16 ? -EINVAL : 0));
    if (minor == 16) CHECK_THAT(machine.message(), Contains("boots ELF kernels (vmlinux) only"));
    if (minor == 16) CHECK_THAT(machine.remedy(), Contains("fcvm setup"));
  }
}

TEST_CASE("huge pages go without a balloon where the version has no both") {
  for (const int minor : {10, 13, 16}) {
    const FakeBinary binary(minor);
    Machine machine(binary.subject());
    machine.spec().flags = FCVM_VM_HUGEPAGES;
    INFO(machine.message());
    REQUIRE(machine.start() == 0);
    CHECK(machine.set_balloon(1 << 20) == (minor < 14 ? -ENOTSUP : 0));
    Machine greedy(binary.subject());
    greedy.spec().flags = FCVM_VM_HUGEPAGES;
    greedy.spec().balloon_bytes = 1 << 20;
    CHECK(greedy.start() == (minor < 14 ? -ENOTSUP : 0));
  }
}

TEST_CASE("options reach Firecracker") {
  const FakeBinary binary(16);
  Subject subject = binary.subject();
  subject.switches = {{"pci", true}, {"smt", true}, {"metrics", true}, {"deflate-on-oom", false}};
  subject.texts["io-engine"] = "async";
  subject.texts["cpu-template"] = "T2";
  Machine machine(subject);
  const FullSpec full(machine);
  REQUIRE(machine.start() == 0);
  const std::string log = machine.read("requests.log");
  CHECK_THAT(log, Contains("\"smt\":true"));
  CHECK_THAT(log, Contains("\"cpu_template\":\"T2\""));
  CHECK_THAT(log, Contains("\"io_engine\":\"Async\""));
  CHECK_THAT(log, Contains("\"deflate_on_oom\":false"));
  CHECK_THAT(log, !Contains("pci=off"));
  CHECK(machine.exists("firecracker.metrics"));
}

TEST_CASE("a custom CPU template is read from its file") {
  const FakeBinary binary(16);
  Subject subject = binary.subject();
  auto home = base::TempDir::create();
  REQUIRE(home);
  subject.texts["cpu-template"] = home->path() + "/template.json";
  Machine missing(subject);
  CHECK(missing.start() == -ENOENT);
  REQUIRE(base::write_file_atomic(home->path() + "/template.json", R"({"msr_modifiers":[]})"));
  Machine machine(subject);
  REQUIRE(machine.start() == 0);
  CHECK_THAT(machine.read("requests.log"), Contains(R"(PUT /cpu-config {"msr_modifiers":[]})"));
  REQUIRE(base::write_file_atomic(home->path() + "/template.json", R"({"cpuid":[]})"));
  Machine wrong(subject);
  CHECK(wrong.start() == -EINVAL);
  CHECK_THAT(wrong.message(), Contains("unknown field `cpuid`"));
}

TEST_CASE("without statistics the balloon counts as what was asked for") {
  const FakeBinary binary(16);
  Subject subject = binary.subject();
  subject.durations["balloon-stats"] = 0;
  Machine machine(subject);
  machine.spec().balloon_bytes = 8 << 20;
  REQUIRE(machine.start() == 0);
  CHECK_THAT(machine.read("requests.log"), Contains("\"stats_polling_interval_s\":0"));
  CHECK(machine.balloon().actual_bytes == 8 << 20);
  CHECK(machine.set_balloon(16 << 20) == 0);
  CHECK(machine.balloon().actual_bytes == 16 << 20);
}

TEST_CASE("a balloon waits for the guest to take it") {
  const FakeBinary binary(16, "driverless");
  Machine machine(binary.subject());
  REQUIRE(machine.start() == 0);
  CHECK(machine.set_balloon(64u << 20) == -EAGAIN);
  CHECK_THAT(machine.message(), Contains("has not taken the device"));
  CHECK_THAT(machine.remedy(), Contains("try again when the VM has booted"));
}

TEST_CASE("PCI needs a version that has it") {
  const FakeBinary binary(10);
  Subject subject = binary.subject();
  subject.switches["pci"] = true;
  Machine machine(subject);
  CHECK(machine.start() == -ENOTSUP);
  CHECK_THAT(machine.message(), Contains("1.10.1 has no PCI"));
}

TEST_CASE("a specification that no Firecracker can run is refused before one starts") {
  const FakeBinary binary(16);
  Machine machine(binary.subject());
  machine.spec().cpus = 33;
  CHECK(machine.start() == -EINVAL);
  machine.spec().cpus = 1;
  machine.spec().memory_bytes = (64u << 20) + 1;
  CHECK(machine.start() == -EINVAL);
  machine.spec().memory_bytes = 64u << 20;
  machine.spec().guest_socket = "../guest.sock";
  CHECK(machine.start() == -EINVAL);
  machine.spec().guest_socket = "guest.sock";
  machine.spec().initrd = "no-initrd";
  CHECK(machine.start() == -ENOENT);
  CHECK_THAT(machine.message(), Contains("no-initrd"));
  CHECK(machine.status().state == FCVM_VM_NEW);
  CHECK_FALSE(machine.exists("requests.log"));
}
