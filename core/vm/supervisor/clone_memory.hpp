// CloneMemory: a memory plugin's instance as C++ calls, for the one clone that this process
// supervises. Owns the instance, and what it holds of the snapshot.
#pragma once

#include <memory>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/plugin/instance.hpp"
#include "core/vm/model/restore_plan.hpp"

namespace fcvm::vm {

class CloneMemory {
 public:
  CloneMemory(std::unique_ptr<plugin::Instance<fcvm_memory_v1>> instance, std::string clone_id)
      : instance_(std::move(instance)), clone_id_(std::move(clone_id)) {}
  CloneMemory(const CloneMemory&) = delete;
  CloneMemory& operator=(const CloneMemory&) = delete;
  /// The VMM has ended.
  ~CloneMemory();

  /// Opens the snapshot and puts what the VMM is to have into the clone's directory.
  Result<void> offer(const RestorePlan& from, std::uint64_t memory_bytes, int clone_directory,
                     base::Deadline deadline);
  /// What the VMM is given, once offered.
  [[nodiscard]] fcvm_memory_source source() const;
  /// The VMM runs, and its guest does not yet. Brings in what earlier clones have used; what cannot
  /// be brought in within the deadline comes when it is missed.
  Result<void> started(int vmm_pidfd, bool prefetch, base::Deadline deadline);
  void cancel() { instance_->cancel(); }

 private:
  std::unique_ptr<plugin::Instance<fcvm_memory_v1>> instance_;
  const std::string clone_id_;
  fcvm_memory_offer offered_{};
  bool is_open_ = false;
  bool is_attached_ = false;
};

}  // namespace fcvm::vm
