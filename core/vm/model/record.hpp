// Record: what fcvm remembers of one VM. One JSON file each, written atomically; the supervisor is
// its only writer while it lives.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/process/process_id.hpp"
#include "core/vm/model/disk_rates.hpp"
#include "core/vm/model/phase.hpp"
#include "core/vm/model/port.hpp"

namespace fcvm::vm {

/// A process that a plugin started for the VM.
struct ProcessRecord {
  std::string name;  // "qemu", "pasta"
  base::ProcessId id;
  std::string jail;         // the level that was reached, or "" for one that is not jailed
  std::string jail_reason;  // why it is not the highest
};

/// A condition of its readiness.
struct GateRecord {
  std::string text;  // as the user gave it
  bool passed = false;
};

/// What the checks of a container have come to.
struct HealthRecord {
  std::vector<std::string> command;  // in the container; empty: it is not checked
  std::int64_t timeout_ms = 0;       // of a check
  std::string status;                // "starting", "healthy", "unhealthy"
  std::uint32_t failing_streak = 0;
  int exit_code = 0;  // of the last check that changed something
  std::string output;
};

struct Record {
  static constexpr int kFormat = 1;

  std::string id;  // 12 hexadecimal digits
  std::string name;
  std::string image;  // as the user named it
  std::string image_digest;
  std::string snapshot;      // the id of the one that it was cloned from
  std::string snapshot_tag;  // as it was called then
  std::string image_id;  // of the image's configuration, as podman has it
  std::vector<std::string> command;
  std::map<std::string, std::string> labels;
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;
  bool remove_when_done = false;  // --rm
  bool detached = false;
  std::string log_driver = "k8s-file";
  std::uint64_t log_max_bytes = 0;  // of each of so many files, with k8s-file
  std::uint64_t log_max_files = 0;
  std::uint64_t disk_bytes = 0;
  DiskRates disk_rates;
  std::int64_t pids_limit = 0;     // of the container; 0: podman's own, -1: none
  std::int64_t lifetime_ms = 0;    // --timeout; 0: none
  std::int64_t stop_grace_ms = 0;  // --stop-timeout

  Phase phase = Phase::kCreated;
  bool awaits_start = false;    // `fcvm create` made it, and nobody has started it yet
  std::int64_t created_ns = 0;  // CLOCK_REALTIME; 0: not yet
  std::int64_t started_ns = 0;
  std::int64_t finished_ns = 0;
  int exit_code = 0;  // of the container, once exited
  std::string restart_policy = "no";
  std::uint64_t restarts = 0;     // in the VM that runs
  std::vector<GateRecord> gates;  // all of them have to pass before it is ready
  HealthRecord health;
  std::string error;  // why it failed, when fcvm or the VM did
  std::string error_remedy;

  base::ProcessId supervisor;
  base::ProcessId vmm;
  std::vector<ProcessRecord> processes;
  std::string cgroup;          // its path; empty where it has none of its own
  std::string limits;          // of it: "memory 768 MiB, 2.5 CPUs, 288 processes"
  std::string limits_missing;  // why one or all are not set
  std::string vmm_plugin;      // "vmm.qemu"
  std::string vmm_version;     // "qemu 7.2.22"
  std::string accelerator;
  std::string network;  // "none", "net.rootless"
  std::string image_plugin;
  std::map<std::string, std::string> plugin_versions;  // id -> version
  std::vector<std::string> guest_addresses;            // with prefix lengths
  std::vector<std::string> gateways;
  std::string mac_address;
  std::string host_address;
  std::vector<PublishedPort> ports;
  std::vector<std::string> network_open;  // of what is closed by default: "host-loopback=80/tcp"
  std::uint64_t network_rate_in = 0;      // bytes per second; 0: no limit
  std::uint64_t network_rate_out = 0;
  std::string network_error;  // what broke, while the VM goes on
  bool awaits_room = false;   // paused, since the host's disk is full

  /// state/1: by plugin, in the order of first `put`.
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> plugin_state;

  /// Phase as it is, knowing whether the supervisor still lives: a VM whose supervisor died without
  /// a word has exited, whatever its file says.
  [[nodiscard]] Phase effective_phase() const;
  /// Whether it has a supervisor, or had one until now.
  [[nodiscard]] bool is_alive() const;
  /// Whether its container is there, perhaps paused.
  [[nodiscard]] bool is_up() const;
  /// Whether all gates have passed.
  [[nodiscard]] bool is_ready() const;
};

[[nodiscard]] std::string to_json(const Record& record);
/// Refuses a file of a newer format, and anything that is not a record.
[[nodiscard]] Result<Record> record_from_json(std::string_view json);

}  // namespace fcvm::vm
