// Memory: owns an instance of a memory plugin, for one clone of a snapshot.
#pragma once

#include <memory>
#include <string>

#include <fcvm/memory.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/sdk/sized.hpp>

namespace driver {

using fcvm::Result;

class Memory {
 public:
  /// Of the snapshot in `from`, with the working set that `record` wrote there, if it did.
  static Result<std::unique_ptr<Memory>> open(const std::string& plugin, const std::string& from,
                                              std::uint64_t memory_bytes);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  /// For a clone in this directory, before its VMM starts.
  Result<fcvm_memory_offer> attach(int directory);
  /// The VMM runs, but not its guest.
  Result<void> started(std::int32_t pid);
  Result<void> prefetch();
  Result<void> record();
  Result<fcvm_memory_figures> figures();

 private:
  Memory() = default;
  Result<void> answer(std::int32_t code) const;

  const fcvm_plugin* plugin_ = nullptr;
  const fcvm_memory_v1* verbs_ = nullptr;
  void* instance_ = nullptr;
  fcvm_error error_ = fcvm::sized<fcvm_error>();
  fcvm::Fd from_;
  fcvm::Fd vmm_;
};

}  // namespace driver
