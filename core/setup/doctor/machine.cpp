// What runs a VM: KVM and the VMMs.
#include <cstdlib>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/setup/doctor/doctor.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {
namespace {

std::string machine() {
  utsname name{};
  ::uname(&name);
  return name.machine;
}

std::string firecracker() {
  const char* named = std::getenv("FCVM_FIRECRACKER_BIN");
  return find_program(named != nullptr && *named != '\0' ? named : "firecracker");
}

std::string qemu() { return find_program("qemu-system-" + machine()); }

std::string version_of(const std::string& program) {
  const auto said = output_of({program, "--version"});
  return said ? said->substr(0, said->find('\n')) + ", " + program : "does not run: " + program;
}

Finding look_at_kvm(const Patient&) {
  const auto device = base::open_file("/dev/kvm", O_RDWR);
  if (!device && device.error().code() == EACCES) {
    return {Verdict::kWarn, "/dev/kvm may not be opened by this user",
            "sudo usermod -aG kvm $USER, then log in again"};
  }
  if (!device) {
    return {Verdict::kWarn,
            "there is no usable /dev/kvm: VMs will be emulated, several times slower",
            "enable virtualization in the firmware (nested, if this is a VM); modprobe kvm_intel "
            "or kvm_amd"};
  }
  const auto cpuinfo = base::read_file("/proc/cpuinfo");
  if (cpuinfo && !has_virtualization(*cpuinfo, machine())) {
    return {Verdict::kWarn,
            "/dev/kvm opens, but the CPU has neither vmx nor svm: a paravirtual KVM (such as "
            "kvm_pvm), in which stock kernels hang; VMs will be emulated",
            "enable nested virtualization for this machine"};
  }
  return {Verdict::kPass, "/dev/kvm opens and can run stock kernels"};
}

Finding look_at_vmm(const Patient&) {
  if (!firecracker().empty() || !qemu().empty()) return {Verdict::kPass, "there is one"};
  return {Verdict::kFail, "neither firecracker nor QEMU is installed",
          "apt install " + package_of("qemu-system-" + machine())};
}

Finding look_at_firecracker(const Patient&) {
  const auto program = firecracker();
  if (!program.empty()) return {Verdict::kPass, version_of(program)};
  return {Verdict::kWarn, "not installed; QEMU is used instead",
          "put Firecracker's release binary in PATH, or name it in FCVM_FIRECRACKER_BIN"};
}

Finding look_at_qemu(const Patient&) {
  const auto program = qemu();
  if (!program.empty()) return {Verdict::kPass, version_of(program)};
  return {Verdict::kWarn, "not installed", "apt install " + package_of("qemu-system-" + machine())};
}

}  // namespace

bool has_virtualization(std::string_view cpuinfo, std::string_view machine_name) {
  if (machine_name != "x86_64") return true;
  const auto line = cpuinfo.find("\nflags");
  if (line == std::string_view::npos) return false;
  const auto flags =
      std::string(cpuinfo.substr(line + 1, cpuinfo.find('\n', line + 1) - line - 1)) + ' ';
  return flags.find(" vmx ") != std::string::npos || flags.find(" svm ") != std::string::npos;
}

std::vector<Check> machine_checks() {
  return {
      {"kvm", "runs VMs at the speed of the machine", false, look_at_kvm},
      {"vmm", "something has to run the VMs", true, look_at_vmm},
      {"firecracker", "the leanest VMM, where KVM is", false, look_at_firecracker},
      {"qemu", "runs VMs everywhere, without KVM too", false, look_at_qemu},
  };
}

}  // namespace fcvm::setup
