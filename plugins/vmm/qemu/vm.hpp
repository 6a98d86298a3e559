// Vm: owns one QEMU process, its monitor and the relay of its guest port.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>
#include <fcvm/vmm.hpp>

#include "plugins/vmm/common/captured_logs.hpp"
#include "plugins/vmm/common/vm_process.hpp"
#include "plugins/vmm/qemu/command_line.hpp"
#include "plugins/vmm/qemu/memory.hpp"
#include "plugins/vmm/qemu/qmp.hpp"
#include "plugins/vmm/qemu/relay.hpp"
#include "plugins/vmm/qemu/state_file.hpp"

namespace fcvm::qemu {

class Vm {
 public:
  /// Returns once QEMU has accepted the VM and its CPUs run.
  static Result<std::shared_ptr<Vm>> start(const Host& host, const Options& options,
                                           const fcvm_vm_spec& spec, const Call& call) {
    return begin(host, options, spec, nullptr, call);
  }
  static Result<std::shared_ptr<Vm>> restore(const Host& host, const Options& options,
                                             const fcvm_vm_spec& spec, const fcvm_vm_restore& from,
                                             const Call& call) {
    return begin(host, options, spec, &from, call);
  }
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;
  ~Vm();

  Result<void> pause(const Call& call);
  Result<void> resume(const Call& call);
  Result<void> snapshot(const fcvm_vm_snapshot& snapshot, const Call& call);
  Result<void> set_balloon(std::uint64_t bytes, const Call& call);
  Result<fcvm_vm_balloon> balloon(const Call& call);
  Result<Fd> connect(std::uint32_t port, const Call& call);
  Result<void> kill(const Call& call);
  [[nodiscard]] fcvm_vm_status status();
  /// Fails when QEMU has ended, with why and with the end of what it and the guest said.
  Result<void> must_live(const std::string& doing);

 private:
  /// What QEMU itself says, in the VM's directory.
  static constexpr const char* kLog = "qemu.log";

  Vm(const Host& host, const fcvm_vm_spec& spec, Platform platform, std::string binary);

  // begin.cpp; `from` is null for a VM that boots
  static Result<std::shared_ptr<Vm>> begin(const Host& host, const Options& options,
                                           const fcvm_vm_spec& spec, const fcvm_vm_restore* from,
                                           const Call& call);
  Result<void> launch(const Options& options, const fcvm_vm_spec& spec, const fcvm_vm_restore* from,
                      const Call& call);
  Result<void> open_directory(const fcvm_vm_spec& spec);
  Result<SavedState> open_snapshot(const fcvm_vm_spec& spec, const fcvm_vm_restore& from);
  Result<void> spawn(const Options& options, const fcvm_vm_spec& spec, Begin begin);
  Result<void> run_process(const fcvm_vm_spec& spec, const std::vector<std::string>& arguments,
                           const Fd& monitor, const Fd& port, const Fd& log, const Fd& console);
  Result<void> negotiate(const Call& call);
  Result<void> load(const SavedState& saved, const fcvm_vm_spec& spec, const Call& call);
  Result<void> set_up_balloon(const Options& options, const fcvm_vm_spec& spec, bool fresh,
                              const Call& call);

  Result<void> save_device_state(const std::string& name, const Call& call);
  Error explain(Error error);
  [[nodiscard]] std::string end_reason();
  [[nodiscard]] std::string find_end_reason();

  const Host host_;
  const Platform platform_;
  const std::string binary_;
  const std::uint64_t memory_bytes_;
  std::string console_;
  std::string guest_socket_;
  Fd directory_;
  Layout layout_;
  Version version_;
  GuestMemory memory_;
  std::unique_ptr<Qmp> qmp_;
  std::unique_ptr<vmm::CapturedLogs> logs_;  // outlives QEMU, which writes them
  vmm::VmProcess process_{"QEMU"};
  std::unique_ptr<Relay> relay_;
  /// Of the snapshot made since the VM was paused: QEMU gives its state once in a pause.
  Fd device_state_;
  std::atomic<std::uint64_t> balloon_target_{0};
  std::atomic<bool> paused_{false};
};

}  // namespace fcvm::qemu
