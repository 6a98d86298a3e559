// OutputRing: the last bytes of one output stream, kept until the host has them for good.
//
// Owns a fixed buffer. Bytes are named by their offset in the whole stream. When it is full there
// is no room to read into, so the pipe fills and the container waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace fcvm::agent {

class OutputRing {
 public:
  explicit OutputRing(std::size_t capacity) : capacity_(capacity), bytes_(new char[capacity]) {}

  /// One stretch to read into; empty when full.
  [[nodiscard]] std::span<char> room();
  void filled(std::size_t size) { end_ += size; }

  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }

  /// One stretch from `offset` on; empty at the end, or for an offset that is not there.
  [[nodiscard]] std::string_view from(std::uint64_t offset, std::size_t most) const;
  /// Everything before `offset` may go. False for an offset beyond the end.
  [[nodiscard]] bool acknowledge(std::uint64_t offset);

 private:
  std::size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace fcvm::agent
