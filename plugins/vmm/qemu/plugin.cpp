// vmm.qemu: VMs by QEMU, with KVM or without it.
#include "plugins/vmm/common/one_vm.hpp"
#include "plugins/vmm/qemu/vm.hpp"

namespace fcvm::qemu {

class QemuPlugin : public vmm::OneVm<Vm, qemu::Options> {
 public:
  using OneVm::OneVm;
  static constexpr std::int32_t kPreference = 60;
  /// A guest runs some ten times slower then: any VMM with KVM is better.
  static constexpr std::int32_t kPreferenceEmulated = 20;
  static constexpr Info kInfo{
      "vmm.qemu", FCVM_VERSION, "QEMU: works everywhere, with KVM or by software emulation",
      FCVM_VMM_CAN_SNAPSHOT | FCVM_VMM_CAN_RESTORE_FILE | FCVM_VMM_CAN_RESTORE_UFFD |
          FCVM_VMM_CAN_BALLOON | FCVM_VMM_CAN_HUGEPAGES | FCVM_VMM_CAN_RATE_LIMIT |
          FCVM_VMM_IS_EMULATED,
      kPreference};

  static Result<Probe> probe(const Host& host, const Options& options, const Call& call) {
    const auto binary = find_binary(options.binary);
    if (!binary) return Probe::unusable(binary.error().message(), binary.error().remedy());
    const auto asked = ask_version(host, *binary, call);
    if (!asked) {
      return Probe::unusable("asking " + *binary + " for its version: " + asked.error().message(),
                             "apt install --reinstall qemu-system-x86");
    }
    const Version version = *asked;
    if (version.old()) {
      const Error error = too_old(*binary, version);
      return Probe::unusable(error.message(), error.remedy());
    }
    if (options.sandbox) {
      const auto sandbox = check_sandbox(host, *binary, call);
      if (!sandbox) return Probe::unusable(sandbox.error().message(), sandbox.error().remedy());
    }
    const KvmCheck kvm = check_kvm();
    const auto platform = choose_platform(options, kvm);
    if (!platform) return Probe::unusable(platform.error().message(), platform.error().remedy());
    const std::string found = "QEMU " + version.text() + " at " + *binary;
    if (platform->kvm) return Probe::usable(found);
    const std::string why = kvm.usable ? "accel is set to tcg" : kvm.reason;
    auto probe = Probe::degraded("software emulation: " + why, kvm.remedy, found);
    probe.preference = kPreferenceEmulated;
    return probe;
  }
};

}  // namespace fcvm::qemu

FCVM_EXPORT_PLUGIN(fcvm::qemu::QemuPlugin);
