// How long faults took.
#include "plugins/memory/uffd/fault_times.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::memory {
namespace {

TEST_CASE("percentiles are at most a sixteenth too long") {
  const auto ns = GENERATE(as<std::uint64_t>(), 1, 31, 32, 33, 1000, 4095, 4096, 999'999'999,
                           3'600'000'000'000);
  FaultTimes times;
  times.add(ns);
  CAPTURE(ns);
  for (const unsigned percent : {1U, 50U, 99U, 100U}) {
    CHECK(times.percentile(percent) >= ns);
    CHECK(times.percentile(percent) <= ns + ns / 16);
  }
}

TEST_CASE("a percentile is of all times, and there is none without any") {
  FaultTimes times;
  CHECK(times.percentile(50) == 0);
  for (std::uint64_t i = 1; i <= 100; ++i) times.add(i * 1000);
  CHECK(times.percentile(50) >= 50'000);
  CHECK(times.percentile(50) <= 53'200);
  CHECK(times.percentile(99) >= 99'000);
  CHECK(times.percentile(99) <= 105'200);
  FaultTimes sum;
  for (int i = 0; i < 9; ++i) sum.add(times);
  for (int i = 0; i < 900; ++i) sum.add(1);
  CHECK(sum.percentile(50) == 1);
  CHECK(sum.percentile(99) >= 98'000);
}

TEST_CASE("a time beyond all measure is one of the longest") {
  FaultTimes times;
  times.add(UINT64_MAX);
  times.add(0);
  CHECK(times.percentile(50) == 0);
  CHECK(times.percentile(99) > std::uint64_t{1} << 44);
}

}  // namespace
}  // namespace fcvm::memory
