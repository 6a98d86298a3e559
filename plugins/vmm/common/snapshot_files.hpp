// SnapshotFiles: owns the files of a snapshot that is being made, until it is whole.
#pragma once

#include <cstdio>
#include <string>
#include <unistd.h>

#include <fcvm/result.hpp>
#include <fcvm/vmm.h>

namespace fcvm::vmm {

/// They have names of their own until then, so that a snapshot of before stays whole. `directory`
/// is borrowed.
class SnapshotFiles {
 public:
  /// Removes what a snapshot that was broken off may have left.
  SnapshotFiles(int directory, const fcvm_vm_snapshot& snapshot)
      : directory_(directory), final_state_(snapshot.device_state), final_memory_(snapshot.memory) {
    remove();
  }
  SnapshotFiles(const SnapshotFiles&) = delete;
  SnapshotFiles& operator=(const SnapshotFiles&) = delete;
  ~SnapshotFiles() { remove(); }

  [[nodiscard]] const std::string& state() const { return state_; }
  [[nodiscard]] const std::string& memory() const { return memory_; }
  /// Gives them the names that were asked for.
  [[nodiscard]] Result<void> keep() {
    if (::renameat(directory_, memory_.c_str(), directory_, final_memory_.c_str()) != 0 ||
        ::renameat(directory_, state_.c_str(), directory_, final_state_.c_str()) != 0) {
      return fail_errno("keeping the snapshot");
    }
    return {};
  }

 private:
  void remove() const {
    ::unlinkat(directory_, state_.c_str(), 0);
    ::unlinkat(directory_, memory_.c_str(), 0);
  }

  const int directory_;
  const std::string final_state_;
  const std::string final_memory_;
  const std::string state_ = final_state_ + ".part";
  const std::string memory_ = final_memory_ + ".part";
};

}  // namespace fcvm::vmm
