// See kvm.hpp.
#include "plugins/vmm/common/kvm.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>

#include <fcvm/sdk/fd.hpp>

namespace fcvm::vmm {

namespace {

#if defined(__x86_64__)
bool has_virtualization(const std::string& cpuinfo) {
  std::ifstream file(cpuinfo);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == "vmx" || word == "svm") return true;
    }
    return false;
  }
  return false;
}
#endif

KvmCheck cannot_open(const std::string& device, int error) {
  const std::string what = "opening " + device + ": " + std::strerror(error);
  if (error == EACCES) {
    return {false, what, "usermod -aG kvm \"$USER\", then log in again"};
  }
  if (error == ENOENT) {
    return {false, what, "modprobe kvm_intel || modprobe kvm_amd; in a VM, enable nested KVM"};
  }
  return {false, what, "run on a host whose kernel offers KVM"};
}

}  // namespace

KvmCheck check_kvm(const std::string& device, [[maybe_unused]] const std::string& cpuinfo) {
  const Fd fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return cannot_open(device, errno);
#if defined(__x86_64__)
  if (!has_virtualization(cpuinfo)) {
    return {false,
            device + " opens, but the CPU has neither vmx nor svm: it cannot run stock guests",
            "enable virtualization in the firmware, or nested KVM in the outer host"};
  }
#endif
  return {true, {}, {}};
}

}  // namespace fcvm::vmm
