// OwnMemory: a clone's memory by a plugin in this process. Owns the plugin's instance, and the
// thread that writes down what the clone used at first.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/vm/memory/clone_memory.hpp"
#include "core/vm/memory/snapshot_memory.hpp"

namespace fcvm::vm {

class OwnMemory final : public CloneMemory {
 public:
  OwnMemory(std::unique_ptr<SnapshotMemory::Instance> instance, std::string clone,
            std::filesystem::path snapshot, std::uint64_t memory_bytes)
      : memory_(std::move(instance)),
        clone_(std::move(clone)),
        snapshot_(std::move(snapshot)),
        memory_bytes_(memory_bytes) {}
  ~OwnMemory() override;

  Result<void> offer(int clone_directory, base::Deadline deadline) override;
  Result<void> started(int vmm_pidfd, bool prefetch) override;
  std::optional<std::string> failure() override;
  void cancel() override { memory_.cancel(); }

 private:
  void record_later();

  SnapshotMemory memory_;
  const std::string clone_;
  const std::filesystem::path snapshot_;
  const std::uint64_t memory_bytes_;
  bool is_attached_ = false;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::thread recorder_;
};

}  // namespace fcvm::vm
