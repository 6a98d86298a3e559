// Vm: owns one VM, which is one Firecracker process and the talk with its API.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>
#include <fcvm/vmm.hpp>

#include "plugins/vmm/firecracker/http_client.hpp"
#include "plugins/vmm/firecracker/options.hpp"
#include "plugins/vmm/firecracker/process.hpp"
#include "plugins/vmm/firecracker/requests.hpp"

namespace fcvm::firecracker {

class Vm {
 public:
  /// Returns once the guest's CPUs run.
  static Result<std::shared_ptr<Vm>> start(const Host& host, const Options& options,
                                           const fcvm_vm_spec& spec, const Call& call);
  static Result<std::shared_ptr<Vm>> restore(const Host& host, const Options& options,
                                             const fcvm_vm_spec& spec, const fcvm_vm_restore& from,
                                             const Call& call);
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  Result<void> pause(const Call& call);
  Result<void> resume(const Call& call);
  Result<void> snapshot(const fcvm_vm_snapshot& snapshot, const Call& call);
  Result<void> set_balloon(std::uint64_t bytes, const Call& call);
  Result<fcvm_vm_balloon> balloon(const Call& call);
  Result<void> set_metadata(const char* json, const Call& call);
  Result<Fd> connect(std::uint32_t port, const Call& call);
  Result<void> kill(const Call& call);
  [[nodiscard]] fcvm_vm_status status();
  Result<void> must_live(const std::string& doing) { return process_->must_live(doing); }

 private:
  Vm(const Host& host, const fcvm_vm_spec& spec, const Options& options);

  Result<void> launch(const Options& options, const fcvm_vm_spec& spec, const Call& call);
  Result<void> load(const fcvm_vm_spec& spec, const fcvm_vm_restore& from, const Call& call);
  Result<void> check_guest_socket() const;
  /// Makes the request; a refusal is an error with Firecracker's own words.
  Result<Response> ask(const Request& request, const std::string& doing, const Call& call);
  Result<void> end_lost_streams(const Call& call);
  Result<void> reset_vsock(const Call& call);
  [[nodiscard]] Error no_balloon(const std::string& doing) const;

  const Host host_;
  const std::uint64_t memory_bytes_;
  const std::string guest_socket_;
  const bool has_nic_;
  const bool counts_balloon_;
  bool has_balloon_ = false;
  std::string binary_;
  Version version_;
  std::unique_ptr<VmmProcess> process_;
  std::atomic<bool> paused_{false};
  bool streams_lost_ = false;  // the guest will drop its vsock connections when it goes on

  std::mutex api_mutex_;  // of the client: connect() comes beside other verbs
  std::unique_ptr<HttpClient> client_;
};

/// What both start and probe have to know: where Firecracker is, and that its version will do.
struct Binary {
  std::string path;
  Version version;
};
Result<Binary> find_binary(const Host& host, const Options& options, const Call& call);

}  // namespace fcvm::firecracker
