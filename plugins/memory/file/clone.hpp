// FileClone: owns what a clone's VMM maps as its memory, in the clone's directory.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

#include "plugins/memory/common/layers.hpp"
#include "plugins/memory/common/page_set.hpp"

namespace fcvm::memory {

class FileClone {
 public:
  static constexpr const char* kName = "snapshot-memory";

  FileClone(std::uint64_t memory_bytes, std::uint64_t page_bytes, bool record)
      : memory_bytes_(memory_bytes), page_bytes_(page_bytes), record_(record) {}
  FileClone(const FileClone&) = delete;
  FileClone& operator=(const FileClone&) = delete;
  ~FileClone();

  /// A link to the only layer, or a file that all of them make.
  Result<void> offer(const std::vector<Layer>& layers, int directory, const Call& call);
  /// The pidfd is borrowed.
  void started(int pidfd) { vmm_ = pidfd; }

  // From several threads.
  Result<void> prefetch(const PageSet& pages, const Call& call);
  /// What prefetch brought in is among it.
  Result<PageSet> used(const PageSet& working_set) const;
  [[nodiscard]] std::uint64_t bytes_prefetched() const { return bytes_prefetched_; }

 private:
  Result<void> link(const Layer& layer);
  Result<void> merge(const std::vector<Layer>& layers, const Call& call);
  [[nodiscard]] Result<void> vmm_lives() const;

  const std::uint64_t memory_bytes_;
  const std::uint64_t page_bytes_;
  const bool record_;
  Fd home_;
  Fd memory_;
  bool made_ = false;  // what is in home_ under kName
  std::atomic<int> vmm_{-1};
  std::atomic<std::uint64_t> bytes_prefetched_{0};
};

}  // namespace fcvm::memory
