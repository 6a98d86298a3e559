// FaultTimes: owns how long faults took, as counts in steps of a sixteenth of a power of two.
#pragma once

#include <array>
#include <cstdint>

namespace fcvm::memory {

class FaultTimes {
 public:
  void add(std::uint64_t ns) { ++counts_[step_of(ns)]; }
  void add(const FaultTimes& other);
  /// A time that so many of a hundred did not exceed, not more than a sixteenth too long; 0 without
  /// any.
  [[nodiscard]] std::uint64_t percentile(unsigned percent) const;

 private:
  static constexpr unsigned kBits = 4;        // of a value that are kept, besides the first
  static constexpr unsigned kMostShift = 40;  // beyond 2^44 ns, which is hours, all is one
  static constexpr std::size_t kSteps = (kMostShift + 2) << kBits;

  static std::size_t step_of(std::uint64_t ns);
  static std::uint64_t end_of(std::size_t step);

  std::array<std::uint64_t, kSteps> counts_{};
};

}  // namespace fcvm::memory
