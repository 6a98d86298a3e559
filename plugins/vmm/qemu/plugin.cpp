// vmm.qemu: VMs by QEMU, with KVM or without it.
#include <fcvm/vmm.hpp>

#include "plugins/vmm/qemu/vm.hpp"

namespace fcvm::qemu {

class QemuPlugin : public VmmPlugin {
 public:
  using Options = qemu::Options;
  static constexpr Info kInfo{
      "vmm.qemu", FCVM_VERSION, "QEMU: works everywhere, with KVM or by software emulation",
      FCVM_VMM_CAN_SNAPSHOT | FCVM_VMM_CAN_RESTORE_FILE | FCVM_VMM_CAN_RESTORE_UFFD |
          FCVM_VMM_CAN_BALLOON | FCVM_VMM_CAN_HUGEPAGES | FCVM_VMM_CAN_RATE_LIMIT |
          FCVM_VMM_IS_EMULATED};

  QemuPlugin(const Host& host, Options options) : host_(host), options_(std::move(options)) {}

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
    const KvmCheck kvm = check_kvm();
    const auto platform = choose_platform(options, kvm);
    if (!platform) return Probe::unusable(platform.error().message(), platform.error().remedy());
    const std::string found = "QEMU " + version.text() + " at " + *binary;
    if (platform->kvm) return Probe::usable(found);
    const std::string why = kvm.usable ? "accel is set to tcg" : kvm.reason;
    return Probe::degraded("software emulation: " + why, kvm.remedy, found);
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
  Result<Fd> connect(std::uint32_t port, const Call& call) {
    const auto vm = FCVM_TRY(need("connecting to a guest port"));
    return vm->connect(port, call);
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

}  // namespace fcvm::qemu

FCVM_EXPORT_PLUGIN(fcvm::qemu::QemuPlugin);
