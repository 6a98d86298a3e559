// See accelerator.hpp.
#include "plugins/vmm/qemu/accelerator.hpp"

namespace fcvm::qemu {

namespace {

#if defined(__aarch64__)
constexpr const char* kEmulatedCpu = "max";
#else
// Page tables of five levels only make the emulated walk of them longer.
constexpr const char* kEmulatedCpu = "max,-la57";
#endif

constexpr Bytes kLeastCache{8 << 20};

}  // namespace

Result<Platform> choose_platform(const Options& options, const KvmCheck& kvm) {
  if (options.accel == "kvm" && !kvm.usable) {
    return fail(ENODEV, "accel is kvm, but KVM cannot be used: " + kvm.reason, kvm.remedy);
  }
  if (options.translation_cache.count < kLeastCache.count) {
    return fail(EINVAL, "a translation-cache of less than 8M keeps QEMU translating",
                "leave it at its default, 128M, or give it more");
  }
  Platform platform;
  platform.translation_cache = options.translation_cache;
  platform.kvm = options.accel != "tcg" && kvm.usable;
  platform.cpu = !options.cpu.empty() ? options.cpu : platform.kvm ? "host" : kEmulatedCpu;
#if defined(__aarch64__)
  platform.machine = "virt";
#else
  const bool automatic = options.machine == "auto" || options.machine.empty();
  platform.machine = !automatic ? options.machine : platform.kvm ? "microvm" : "q35";
#endif
  return platform;
}

}  // namespace fcvm::qemu
