// Whether this host's KVM can run stock guests.
#pragma once

#include <string>

namespace fcvm::vmm {

struct KvmCheck {
  bool usable = false;
  std::string reason;  // why not
  std::string remedy;
};

/// /dev/kvm has to open, and on x86 the CPU must have vmx or svm: a paravirtual KVM opens as well,
/// but stock kernels hang in it. The paths are arguments for the tests' sake.
KvmCheck check_kvm(const std::string& device = "/dev/kvm",
                   const std::string& cpuinfo = "/proc/cpuinfo");

}  // namespace fcvm::vmm
