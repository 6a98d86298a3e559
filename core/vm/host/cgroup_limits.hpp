// What a VM may use of the host, and what it uses: the controllers of its cgroup.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <fcvm/result.hpp>

namespace fcvm::vm {

/// For all processes of a VM together: the VMM, and the helpers of its network.
struct CgroupLimits {
  std::uint64_t memory_bytes = 0;
  std::uint64_t processes = 0;  // threads count, as the kernel counts them
  double cpus = 0;

  /// For a guest of this size: what it may use itself, and what the VMM needs for it.
  [[nodiscard]] static CgroupLimits of_guest(std::uint64_t memory_bytes, std::uint32_t cpus,
                                             bool emulated);
};

/// What was set of the limits, and why the rest was not.
struct AppliedLimits {
  std::string set;      // "memory 768 MiB, 2.5 CPUs, 288 processes"
  std::string missing;  // "/sys/fs/cgroup/... has no controllers for cpu"
};

/// Lets cgroups below `parent` have limits. False when not a single controller could be enabled: it
/// has processes of its own, or none was delegated to us.
bool enable_controllers(const std::string& parent);

[[nodiscard]] AppliedLimits apply_limits(const std::string& cgroup, const CgroupLimits& limits);

/// Nothing where the controller is missing.
struct CgroupUsage {
  std::optional<std::uint64_t> cpu_ns;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_limit_bytes;
  std::optional<std::uint64_t> processes;
  std::optional<std::uint64_t> read_bytes;
  std::optional<std::uint64_t> written_bytes;
};
[[nodiscard]] CgroupUsage usage_of(const std::string& cgroup);

/// Whether the kernel has ended a process of the cgroup since it used all of its memory.
[[nodiscard]] bool ran_out_of_memory(const std::string& cgroup);

}  // namespace fcvm::vm
