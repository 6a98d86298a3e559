// ProcessId names a process that is not our child, in a way that a recycled pid cannot fool.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"

namespace fcvm::base {

/// A pid, when its process started (clock ticks since boot), in which boot, and in which pid
/// namespace the pid is its name: together they are never reused. A record of before a reboot, or
/// of another container that shares the directory of VMs, never leads to a process of today's.
struct ProcessId {
  pid_t pid = -1;
  std::uint64_t start_time = 0;
  std::string boot{};               // the kernel's boot id; empty: not known, taken for this one
  std::uint64_t pid_namespace = 0;  // its inode; 0: not known, taken for ours

  /// Whether that very process still runs. A zombie does not. A process that cannot be looked at
  /// (another pid namespace is one reason) counts as alive, so that nobody cleans up after the
  /// living.
  [[nodiscard]] bool alive() const;
  /// Whether it ran in another boot, and so has ended.
  [[nodiscard]] bool is_of_another_boot() const;
  /// Whether the pid is a name in a pid namespace that is not ours.
  [[nodiscard]] bool is_foreign() const;

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

/// Fails with ESRCH when there is no such process.
Result<ProcessId> identify(pid_t pid);

/// A pidfd of that very process: readable once it has ended. ESRCH when it is gone.
[[nodiscard]] Result<Fd> open_process(const ProcessId& process);
/// Sends a signal to that very process, and to no other that has its pid by now. ESRCH when it is
/// gone.
[[nodiscard]] Result<void> signal_process(const ProcessId& process, int number);
/// ETIMEDOUT when it lives on until the deadline.
[[nodiscard]] Result<void> wait_for_end(const ProcessId& process, Deadline deadline);

}  // namespace fcvm::base
