// Which accelerator and machine follow from the options and from what KVM can do.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "plugins/vmm/common/kvm.hpp"
#include "plugins/vmm/qemu/options.hpp"

namespace fcvm::qemu {

using vmm::check_kvm;
using vmm::KvmCheck;

struct Platform {
  bool kvm = false;
  std::string machine;  // "microvm", "q35" or "virt"
  std::string cpu;
  bool one_thread = false;  // emulates all CPUs, one after the other
  Bytes translation_cache{128 << 20};
  [[nodiscard]] const char* accelerator() const { return kvm ? "kvm" : "tcg"; }
};

Result<Platform> choose_platform(const Options& options, const KvmCheck& kvm);

}  // namespace fcvm::qemu
