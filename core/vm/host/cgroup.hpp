// Cgroup: a VM's own, in which every process starts that plugins ask for. It shows from outside
// what a VM uses, and lets all of it be ended at once, whatever became of its supervisor.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::vm {

/// Where the cgroup of this VM may be made, which goes into the record first: below our own, so
/// that limits of that hold. Where that cannot limit what is below it: for root, in one of all its
/// VMs, and for a user in a scope that systemd is asked for, which this process enters: not out of
/// a service or a cgroup with limits, and not out of a session that the VM outlives where systemd
/// ends with it.
[[nodiscard]] Result<std::string> cgroup_place(const std::string& vm_id, bool outlives_session);

/// The cgroup of this VM, wherever it was made; empty where there is none. For when no record says.
[[nodiscard]] std::string find_cgroup(const std::string& vm_id);

/// Ends what is in it, and removes it. One that is not there is removed already; a directory that
/// is not a cgroup of a VM is refused.
[[nodiscard]] Result<void> remove_cgroup(const std::string& path);

class Cgroup {
 public:
  Cgroup() = default;
  [[nodiscard]] static Result<Cgroup> make(const std::string& path);
  /// For spawn(); -1 without one.
  [[nodiscard]] int fd() const noexcept { return directory_.get(); }
  /// Empty without one.
  [[nodiscard]] const std::string& place() const noexcept { return place_; }

 private:
  Cgroup(std::string place, Fd directory)
      : place_(std::move(place)), directory_(std::move(directory)) {}
  std::string place_;
  Fd directory_;
};

}  // namespace fcvm::vm
