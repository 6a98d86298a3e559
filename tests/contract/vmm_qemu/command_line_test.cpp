// What QEMU is started with, and how the plugin judges the host: pure, so tested without a VM.
#include "plugins/vmm/qemu/command_line.hpp"

#include <fcntl.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "plugins/vmm/common/tail.hpp"
#include "plugins/vmm/qemu/binary.hpp"
#include "tests/support/catch.hpp"

using namespace fcvm;
using namespace fcvm::qemu;
using fcvm::test::Contains;

namespace {

std::string joined(const Platform& platform, const fcvm_vm_spec& spec) {
  std::string text;
  const auto arguments = *command_line("qemu", Options{}, platform, spec);
  for (const auto& argument : arguments) text += argument + " ";
  return text;
}

fcvm_vm_spec small_vm() {
  auto spec = sized<fcvm_vm_spec>();
  spec.vm_id = "vm1";
  spec.cpus = 2;
  spec.memory_bytes = 512u << 20;
  spec.kernel = "kernel";
  spec.command_line = "quiet";
  return spec;
}

}  // namespace

TEST_CASE("KVM is usable only where the CPU can virtualize") {
  const auto directory = *base::TempDir::create();
  const std::string device = directory.path() + "/kvm";
  const std::string cpuinfo = directory.path() + "/cpuinfo";
  CHECK_FALSE(check_kvm(device, cpuinfo).usable);
  CHECK_THAT(check_kvm(device, cpuinfo).remedy, Contains("modprobe"));
  REQUIRE(base::write_file_atomic(device, ""));
#if defined(__x86_64__)
  REQUIRE(base::write_file_atomic(cpuinfo, "flags\t: fpu svme vmx_none\n"));
  CHECK_THAT(check_kvm(device, cpuinfo).reason, Contains("neither vmx nor svm"));
#endif
  REQUIRE(base::write_file_atomic(cpuinfo, "flags\t: fpu svm\n"));
  CHECK(check_kvm(device, cpuinfo).usable);
}

TEST_CASE("accelerator and machine follow from KVM and options") {
  Options options;
  options.accel = "kvm";
  CHECK(choose_platform(options, {false, "no", "fix"}).error().code() == ENODEV);
  options.accel = "tcg";
  CHECK_FALSE(choose_platform(options, {true, {}, {}})->kvm);
#if defined(__x86_64__)
  CHECK(choose_platform(Options{}, {true, {}, {}})->machine == "microvm");
  CHECK(choose_platform(Options{}, {false, {}, {}})->machine == "q35");
#endif
}

TEST_CASE("a disk is found by its serial, at a place of its own") {
  auto spec = small_vm();
  auto disk = sized<fcvm_disk>();
  disk.id = "base";
  disk.path = "a,b.img";
  disk.flags = FCVM_DISK_READ_ONLY;
  const fcvm_disk* disks[] = {&disk};
  spec.disks = disks;
  spec.disk_count = 1;
  const std::string pci = joined({false, "q35", "max"}, spec);
  CHECK_THAT(pci, Contains("file.filename=a,,b.img") && Contains("read-only=on,file.locking=off"));
  CHECK_THAT(pci, Contains("virtio-blk-pci,bus=pcie.0,addr=0x4") && Contains("serial=base"));
  CHECK_THAT(joined({true, "microvm", "host"}, spec),
             Contains("virtio-blk-device,bus=virtio-mmio-bus.4"));
}

TEST_CASE("RAM is a file that QEMU finds open, so that snapshots can share it") {
  const std::string text = joined({false, "q35", "max"}, small_vm());
  CHECK_THAT(text, Contains("memory-backend-file") && Contains("mem-path=/proc/self/fd/5"));
  CHECK_THAT(text, Contains("share=on") && !Contains("-incoming"));
  std::string waiting;
  const auto words = *command_line("qemu", {}, {false, "q35", "max"}, small_vm(), Begin::kRestore);
  for (const auto& word : words) waiting += word + " ";
  CHECK(waiting == text + "-incoming defer -S ");
}

TEST_CASE("a disk's directions are limited apart") {
  auto spec = small_vm();
  auto limit = sized<fcvm_rate_limit>();
  limit.read_bytes_per_second = 1000;
  limit.write_operations_per_second = 20;
  auto disk = sized<fcvm_disk>();
  disk.id = "base";
  disk.path = "base.img";
  disk.limit = &limit;
  const fcvm_disk* disks[] = {&disk};
  spec.disks = disks;
  spec.disk_count = 1;
  CHECK_THAT(joined({false, "q35", "max"}, spec),
             Contains("throttle-group,id=limit-disk0,x-bps-read=1000,x-iops-write=20 "));
}

TEST_CASE("disks are limited, and network interfaces refused a limit") {
  auto spec = small_vm();
  auto limit = sized<fcvm_rate_limit>();
  limit.bytes_per_second = 1000;
  limit.bytes_burst = 500;
  limit.operations_per_second = 20;
  auto disk = sized<fcvm_disk>();
  disk.id = "base";
  disk.path = "base.img";
  disk.limit = &limit;
  const fcvm_disk* disks[] = {&disk};
  spec.disks = disks;
  spec.disk_count = 1;
  const std::string text = joined({false, "q35", "max"}, spec);
  CHECK_THAT(text, Contains("throttle-group,id=limit-disk0,x-bps-total=1000,x-bps-total-max=1500,"
                            "x-iops-total=20 "));
  CHECK_THAT(
      text,
      Contains("driver=throttle,discard=unmap,node-name=limited-disk0,throttle-group=limit-disk0"));
  CHECK_THAT(text, Contains("drive=limited-disk0"));
  auto nic = sized<fcvm_nic>();
  nic.id = "eth0";
  nic.tap = "tap0";
  nic.transmit_limit = &limit;
  const fcvm_nic* nics[] = {&nic};
  spec.nics = nics;
  spec.nic_count = 1;
  const auto refused = command_line("qemu", {}, {false, "q35", "max"}, spec);
  CHECK(refused.error().code() == ENOTSUP);
  CHECK_THAT(refused.error().message(), Contains("eth0"));
}

TEST_CASE("what a VM cannot have is refused") {
  auto spec = small_vm();
  spec.disk_count = kMaxDisks + 1;
  CHECK(command_line("qemu", {}, {false, "q35", "max"}, spec).error().code() == EINVAL);
  spec = small_vm();
  spec.cpus = 0;
  CHECK_FALSE(command_line("qemu", {}, {false, "q35", "max"}, spec));
}

TEST_CASE("versions are read and judged") {
  CHECK(parse_version("QEMU emulator version 7.2.22 (Debian)")->text() == "7.2.22");
  CHECK_FALSE(parse_version("GNU ls"));
  CHECK(Version{6, 1, 9}.old());
  CHECK_FALSE(Version{6, 2, 0}.old());
}

TEST_CASE("a console's tail is short and harmless") {
  const auto directory = *base::TempDir::create();
  REQUIRE(base::write_file_atomic(directory.path() + "/console",
                                  std::string(5000, 'x') + "\nlast \x1b[2Jline\n"));
  const Fd fd(::open(directory.path().c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(vmm::tail_of(fd.get(), "console") == "last \\x1b[2Jline");
  CHECK(vmm::tail_of(fd.get(), "missing").empty());
  CHECK(vmm::kernel_panic_in(
            "a\n[1.2] Kernel panic - not syncing: no init\n---[ end Kernel panic - not "
            "syncing: no init ]---\n") == "Kernel panic - not syncing: no init");
}

TEST_CASE("a QEMU that translates unsafely emulates all CPUs in one thread") {
  CHECK_FALSE(parse_version("QEMU emulator version 7.2.22 (Debian)")->translates_safely());
  CHECK_FALSE(parse_version("QEMU emulator version 8.0.4")->translates_safely());
  CHECK(parse_version("QEMU emulator version 8.1.0")->translates_safely());
  CHECK(parse_version("QEMU emulator version 10.0.2")->translates_safely());
  Platform platform{false, "q35", "max"};
  CHECK_THAT(joined(platform, small_vm()), Contains("-accel tcg,thread=multi,tb-size=128"));
  platform.one_thread = true;
  CHECK_THAT(joined(platform, small_vm()), Contains("-accel tcg,thread=single"));
  CHECK_THAT(joined(platform, small_vm()), Contains(" no_timer_check"));
  platform.kvm = true;
  CHECK_THAT(joined(platform, small_vm()), Contains("-accel kvm"));
  CHECK_THAT(joined(platform, small_vm()), !Contains("no_timer_check"));
}
