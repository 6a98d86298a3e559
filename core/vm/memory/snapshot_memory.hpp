// SnapshotMemory: a memory plugin's instance as C++ calls, with one snapshot open, for any number
// of clones. From any thread but the control thread. Owns the instance, and what it holds of the
// snapshot.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/plugin/instance.hpp"
#include "core/vm/control/messages.hpp"

namespace fcvm::vm {

class SnapshotMemory {
 public:
  using Instance = plugin::Instance<fcvm_memory_v1>;

  explicit SnapshotMemory(std::unique_ptr<Instance> instance) : instance_(std::move(instance)) {}
  SnapshotMemory(const SnapshotMemory&) = delete;
  SnapshotMemory& operator=(const SnapshotMemory&) = delete;
  ~SnapshotMemory();

  /// Of the snapshot that lies in that directory, with what its clones have used before, if that is
  /// known.
  Result<void> open(const std::filesystem::path& directory, std::uint64_t memory_bytes,
                    base::Deadline deadline);
  Result<ask::MemoryOffer> attach(const std::string& clone, int clone_directory,
                                  base::Deadline deadline);
  Result<void> started(const std::string& clone, int vmm_pidfd);
  /// Brings in what earlier clones have used: nothing, when that is not known.
  Result<void> prefetch(const std::string& clone, base::Deadline deadline);
  Result<void> detach(const std::string& clone);
  Result<void> health(const std::string& clone);
  [[nodiscard]] Result<fcvm_memory_figures> figures();

  /// Whether clones that are attached now are to be recorded, since none was.
  [[nodiscard]] bool wants_record() const { return wants_record_; }
  /// Writes down what the clone has used, unless another was quicker.
  void record(const std::string& clone);

  void cancel() { instance_->cancel(); }

 private:
  Result<void> open_with(fcvm_memory_request request, const std::string& working_set,
                         base::Deadline deadline);

  const std::unique_ptr<Instance> instance_;
  std::mutex worker_;  // a plugin has one worker verb at a time
  Fd directory_;
  std::string working_set_;  // its name in there
  bool wants_record_ = false;
  bool is_open_ = false;
};

}  // namespace fcvm::vm
