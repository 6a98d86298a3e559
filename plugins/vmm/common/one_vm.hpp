// OneVm: the verbs of a VMM plugin whose instances have one VM each, to which they hand them on.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <fcvm/vmm.hpp>

namespace fcvm::vmm {

/// `Vm` has the verbs, and makes itself by start() and restore(). Its must_live() fails once its
/// process has ended, with why; what needs a process is asked only before. `Options` are the
/// plugin's.
template <typename Vm, typename OptionsType>
class OneVm : public VmmPlugin {
 public:
  using Options = OptionsType;

  OneVm(const Host& host, Options options) : host_(host), options_(std::move(options)) {}

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
    const std::string doing = "making a snapshot";
    const auto vm = FCVM_TRY(need(doing));
    if (snapshot.device_state == nullptr || snapshot.memory == nullptr) {
      return fail(EINVAL, doing + ": no file is named for its state or its memory");
    }
    if (vm->status().state == FCVM_VM_RUNNING) {
      return fail(EINVAL, doing + ": the VM is running", "pause it first");
    }
    return vm->snapshot(snapshot, call);
  }
  Result<void> set_balloon(std::uint64_t bytes, const Call& call) {
    return FCVM_TRY(need("setting the balloon"))->set_balloon(bytes, call);
  }
  Result<fcvm_vm_balloon> balloon(const Call& call) {
    return FCVM_TRY(need("asking for the balloon"))->balloon(call);
  }
  Result<Fd> connect(std::uint32_t port, const Call& call) {
    const auto vm = FCVM_TRY(need("connecting to guest port " + std::to_string(port)));
    return vm->connect(port, call);
  }
  Result<fcvm_vm_status> status() {
    const auto vm = this->vm();
    return vm ? vm->status() : sized<fcvm_vm_status>();
  }
  Result<void> kill(const Call& call) {
    const auto vm = this->vm();
    return vm ? vm->kill(call) : Result<void>();
  }

 protected:
  Result<std::shared_ptr<Vm>> need(const std::string& doing) {
    auto vm = this->vm();
    if (!vm) return fail(ENOTCONN, doing + ": it was not started");
    FCVM_TRY(vm->must_live(doing));
    return vm;
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

  const Host host_;
  const Options options_;
  std::mutex mutex_;  // connect() and status() come from any thread
  std::shared_ptr<Vm> vm_;
};

}  // namespace fcvm::vmm
