// vmm.firecracker: VMs by Firecracker 1.10 and newer, with KVM.
#include <fcvm/vmm.hpp>

#include "plugins/vmm/common/kvm.hpp"
#include "plugins/vmm/firecracker/vm.hpp"

namespace fcvm::firecracker {

class FirecrackerPlugin : public VmmPlugin {
 public:
  using Options = firecracker::Options;
  static constexpr Info kInfo{
      "vmm.firecracker", FCVM_VERSION, "Firecracker: the fastest, where there is KVM",
      FCVM_VMM_CAN_SNAPSHOT | FCVM_VMM_CAN_SNAPSHOT_DIFF | FCVM_VMM_CAN_RESTORE_FILE |
          FCVM_VMM_CAN_RESTORE_UFFD | FCVM_VMM_CAN_BALLOON | FCVM_VMM_CAN_METADATA |
          FCVM_VMM_CAN_HUGEPAGES | FCVM_VMM_CAN_RATE_LIMIT | FCVM_VMM_NEEDS_ELF_KERNEL};

  FirecrackerPlugin(const Host& host, Options options)
      : host_(host), options_(std::move(options)) {}

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

  Result<void> start(const fcvm_vm_spec& spec, const Call& call) {
    if (vm()) return fail(EBUSY, "starting a VM: this instance has one already");
    return keep(FCVM_TRY(Vm::start(host_, options_, spec, call)));
  }
  Result<void> restore(const fcvm_vm_spec& spec, const fcvm_vm_restore& from, const Call& call) {
    if (vm()) return fail(EBUSY, "restoring a VM: this instance has one already");
    return keep(FCVM_TRY(Vm::restore(host_, options_, spec, from, call)));
  }
  Result<void> pause(const Call& call) { return FCVM_TRY(need("pausing the VM"))->pause(call); }
  Result<void> resume(const Call& call) { return FCVM_TRY(need("resuming the VM"))->resume(call); }
  Result<void> snapshot(const fcvm_vm_snapshot& snapshot, const Call& call) {
    return FCVM_TRY(need("making a snapshot"))->snapshot(snapshot, call);
  }
  Result<void> set_balloon(std::uint64_t bytes, const Call& call) {
    return FCVM_TRY(need("setting the balloon"))->set_balloon(bytes, call);
  }
  Result<fcvm_vm_balloon> balloon(const Call& call) {
    return FCVM_TRY(need("asking for the balloon"))->balloon(call);
  }
  Result<void> set_metadata(const char* json, const Call& call) {
    return FCVM_TRY(need("replacing the metadata"))->set_metadata(json, call);
  }
  Result<Fd> connect(std::uint32_t port, const Call& call) {
    return FCVM_TRY(need("connecting to a guest port"))->connect(port, call);
  }
  Result<fcvm_vm_status> status() {
    const auto vm = this->vm();
    return vm ? vm->status() : vm_status();
  }
  Result<void> kill() {
    const auto vm = this->vm();
    return vm ? vm->kill() : Result<void>();
  }

 private:
  Result<void> keep(std::shared_ptr<Vm> vm) {
    const std::lock_guard lock(mutex_);
    vm_ = std::move(vm);
    return {};
  }
  std::shared_ptr<Vm> vm() {
    const std::lock_guard lock(mutex_);
    return vm_;
  }
  Result<std::shared_ptr<Vm>> need(const std::string& doing) {
    auto vm = this->vm();
    if (!vm) return fail(ENOTCONN, doing + ": it was not started");
    return vm;
  }

  const Host host_;
  const Options options_;
  std::mutex mutex_;
  std::shared_ptr<Vm> vm_;
};

}  // namespace fcvm::firecracker

FCVM_EXPORT_PLUGIN(fcvm::firecracker::FirecrackerPlugin);
