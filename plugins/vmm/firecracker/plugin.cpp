// vmm.firecracker: VMs by Firecracker 1.10 and newer, with KVM.
#include "plugins/vmm/common/kvm.hpp"
#include "plugins/vmm/common/one_vm.hpp"
#include "plugins/vmm/firecracker/vm.hpp"

namespace fcvm::firecracker {

class FirecrackerPlugin : public vmm::OneVm<Vm, firecracker::Options> {
 public:
  using OneVm::OneVm;
  static constexpr Info kInfo{
      "vmm.firecracker", FCVM_VERSION, "Firecracker: the fastest, where there is KVM",
      FCVM_VMM_CAN_SNAPSHOT | FCVM_VMM_CAN_SNAPSHOT_DIFF | FCVM_VMM_CAN_RESTORE_FILE |
          FCVM_VMM_CAN_RESTORE_UFFD | FCVM_VMM_CAN_BALLOON | FCVM_VMM_CAN_METADATA |
          FCVM_VMM_CAN_HUGEPAGES | FCVM_VMM_CAN_RATE_LIMIT | FCVM_VMM_NEEDS_ELF_KERNEL,
      100};

  static Result<Probe> probe(const Host& host, const Options& options, const Call& call) {
    const auto binary = find_binary(host, options, call);
    if (!binary) return Probe::unusable(binary.error().message(), binary.error().remedy());
    if (!binary->version.supported()) {
      const Error error = too_old(binary->path, binary->version);
      return Probe::unusable(error.message(), error.remedy());
    }
    const auto kvm = vmm::check_kvm();
    if (!kvm.usable) return Probe::unusable(kvm.reason, kvm.remedy);
    return Probe::usable("Firecracker " + binary->version.text + " at " + binary->path);
  }

  Result<void> set_metadata(const char* json, const Call& call) {
    return FCVM_TRY(need("replacing the metadata"))->set_metadata(json, call);
  }
};

}  // namespace fcvm::firecracker

FCVM_EXPORT_PLUGIN(fcvm::firecracker::FirecrackerPlugin);
