// Every request that fcvm makes of Firecracker's API, and what it reads from the answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/vmm.h>

#include "plugins/vmm/firecracker/options.hpp"
#include "plugins/vmm/firecracker/version.hpp"

namespace fcvm::firecracker {

struct Request {
  std::string method;
  std::string path;
  std::string body;
};

struct BootPlan {
  const fcvm_vm_spec& spec;
  const Options& options;
  const Version& version;
  std::string kernel;
  std::string command_line;
  std::string cpu_config;  // the JSON of a custom template, or empty
};

/// Describes the VM and starts it: in this order, each once.
Result<std::vector<Request>> boot_requests(const BootPlan& plan);
/// Loads a snapshot; the metadata document is not in it.
Result<Request> load_request(const fcvm_vm_spec& spec, const fcvm_vm_restore& from,
                             const Version& version, bool resume);
Request pause_request();
Request resume_request();
Result<Request> snapshot_request(const fcvm_vm_snapshot& snapshot);
/// Saves the VM to nowhere. Firecracker tells the guest that its vsock connections are gone, and
/// only then finds that it cannot store the state: it answers with 400, and no file was made.
Request reset_request();
Request balloon_request(std::uint64_t bytes);
Request balloon_statistics_request();
Request balloon_config_request();
/// Fails when the document is not a JSON object.
Result<Request> metadata_request(const char* json);

/// Whether the VM gets these devices.
[[nodiscard]] bool has_balloon(const fcvm_vm_spec& spec, const Version& version);
[[nodiscard]] bool has_nic(const fcvm_vm_spec& spec);

/// The `fault_message` of a refusal, or the body as it is when it has none.
std::string fault_in(const std::string& body);
/// From the answer to balloon_statistics_request(); nothing when it is none.
std::optional<fcvm_vm_balloon> balloon_in(const std::string& body);
/// `amount_mib` in bytes, from the answer to balloon_config_request().
std::optional<std::uint64_t> balloon_target_in(const std::string& body);

}  // namespace fcvm::firecracker
