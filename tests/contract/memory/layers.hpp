// Layers: owns the memory files of a snapshot, and knows what is at an offset of its memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::test {

class Layers {
 public:
  static Result<Layers> open(const fcvm_memory_request& request);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// False when no layer has anything there, so that it is all zeros. `offset` and the bytes lie
  /// within size(). From several threads.
  [[nodiscard]] Result<bool> read(std::uint64_t offset, std::span<char> bytes) const;

 private:
  struct Layer {
    std::string name;
    Fd file;
  };

  [[nodiscard]] Result<void> check_size(const Layer& layer) const;
  static Result<bool> read_layer(const Layer& layer, std::uint64_t offset, std::span<char> bytes);

  std::vector<Layer> layers_;
  std::uint64_t size_ = 0;
};

}  // namespace fcvm::test
