// See output_ring.hpp.
#include "agent/session/output_ring.hpp"

#include <algorithm>

namespace fcvm::agent {

std::span<char> OutputRing::room() {
  const std::size_t free = capacity_ - (end_ - begin_);
  const std::size_t at = end_ % capacity_;
  return {bytes_.get() + at, std::min(free, capacity_ - at)};
}

std::string_view OutputRing::from(std::uint64_t offset, std::size_t most) const {
  if (offset < begin_ || offset >= end_) return {};
  const std::size_t at = offset % capacity_;
  const std::size_t size = std::min<std::uint64_t>({end_ - offset, capacity_ - at, most});
  return {bytes_.get() + at, size};
}

bool OutputRing::acknowledge(std::uint64_t offset) {
  if (offset > end_) return false;
  begin_ = std::max(begin_, offset);
  return true;
}

}  // namespace fcvm::agent
