// VmmProcess: owns one Firecracker process, and the sockets that it leaves in the VM's directory.
#pragma once

#include <memory>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>
#include <fcvm/vmm.h>

#include "plugins/vmm/common/captured_logs.hpp"
#include "plugins/vmm/common/vm_process.hpp"
#include "plugins/vmm/firecracker/http_client.hpp"
#include "plugins/vmm/firecracker/options.hpp"
#include "plugins/vmm/firecracker/version.hpp"

namespace fcvm::firecracker {

class VmmProcess {
 public:
  /// Starts Firecracker in the VM's directory, namespaces and cgroup; returns when it has been
  /// executed, not when it is ready.
  static Result<std::unique_ptr<VmmProcess>> launch(const Host& host, const Options& options,
                                                    const std::string& binary,
                                                    const Version& version,
                                                    const fcvm_vm_spec& spec);
  VmmProcess(const VmmProcess&) = delete;
  VmmProcess& operator=(const VmmProcess&) = delete;
  /// Kills it and removes its sockets.
  ~VmmProcess();

  /// Waits until its API socket accepts, and connects `client` to it.
  Result<void> await_socket(HttpClient& client, std::chrono::nanoseconds limit, const Call& call);

  [[nodiscard]] int directory() const { return directory_.get(); }
  [[nodiscard]] int pidfd() const { return process_.pidfd(); }
  [[nodiscard]] int pid() const { return process_.status().pid; }
  [[nodiscard]] bool running() const { return process_.running(); }
  [[nodiscard]] fcvm_vm_status status(bool paused) { return process_.vm_status(paused); }
  /// Also of one that has ended: end_reason() is known afterwards.
  Result<void> kill(const Call& call);

  /// Why it ended; only once it has. Waits until what was said has come into the logs.
  [[nodiscard]] std::string end_reason();
  /// An error that came of the process's end says so, with the end of what it and the guest said.
  Error explain(Error error);
  /// Fails when it has ended.
  Result<void> must_live(const std::string& doing);

  static constexpr const char* kApiSocket = "firecracker.sock";

 private:
  VmmProcess(const Host& host, const fcvm_vm_spec& spec);

  Result<void> prepare(const Options& options, const fcvm_vm_spec& spec);
  Result<void> spawn(const std::vector<std::string>& arguments, const fcvm_vm_spec& spec);
  void remove_sockets() const;
  [[nodiscard]] std::string find_end_reason() const;
  [[nodiscard]] std::string tails() const;

  const Host host_;
  const std::string console_;
  const std::string guest_socket_;
  Fd directory_;
  std::unique_ptr<vmm::CapturedLogs> logs_;  // outlives Firecracker, which writes them
  vmm::VmProcess process_{"Firecracker"};
};

}  // namespace fcvm::firecracker
