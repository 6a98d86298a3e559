// See fault_times.hpp.
#include "plugins/memory/uffd/fault_times.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace fcvm::memory {

/// Up to 31 a value is its own step; of a larger one the five highest bits count.
std::size_t FaultTimes::step_of(std::uint64_t ns) {
  const auto width = static_cast<unsigned>(std::bit_width(ns));
  if (width <= kBits + 1) return ns;
  const unsigned shift = std::min(width - kBits - 1, kMostShift);
  const std::uint64_t high = std::min<std::uint64_t>(ns >> shift, (2U << kBits) - 1);
  return (std::size_t{shift} << kBits) + high;
}

/// The largest value of the step.
std::uint64_t FaultTimes::end_of(std::size_t step) {
  if (step < (2U << kBits)) return step;
  const std::size_t shift = (step >> kBits) - 1;
  const std::uint64_t high = (step & ((1U << kBits) - 1)) | (1U << kBits);
  return ((high + 1) << shift) - 1;
}

void FaultTimes::add(const FaultTimes& other) {
  for (std::size_t i = 0; i < kSteps; ++i) counts_[i] += other.counts_[i];
}

std::uint64_t FaultTimes::percentile(unsigned percent) const {
  const std::uint64_t all = std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
  std::uint64_t wanted = (all * percent + 99) / 100;
  for (std::size_t i = 0; i < kSteps && wanted > 0; ++i) {
    if (counts_[i] >= wanted) return end_of(i);
    wanted -= counts_[i];
  }
  return 0;
}

}  // namespace fcvm::memory
