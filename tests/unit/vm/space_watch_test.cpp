// When a disk is full, and how often that is looked at. What follows is in supervisor_test.cpp.
#include "core/vm/supervisor/space_watch.hpp"

#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1024 * kMiB;

TEST_CASE("a large file system is full at 64 MiB, and a small one at a sixteenth") {
  CHECK(SpaceLimits::of(1000 * kGiB).low == 64 * kMiB);
  CHECK(SpaceLimits::of(160 * kMiB).low == 10 * kMiB);
  const auto limits = SpaceLimits::of(10 * kGiB);
  CHECK(limits.enough > limits.low);
  CHECK(SpaceLimits::of(0).low == 0);
}

TEST_CASE("the less is free, the sooner it is looked at again") {
  CHECK(look_again_after(0) == 20ms);
  CHECK(look_again_after(1000 * kGiB) == 10s);
  auto before = look_again_after(0);
  for (std::uint64_t free = kMiB; free < 100 * kGiB; free *= 2) {
    const auto pause = look_again_after(free);
    CHECK(pause >= before);
    // A disk that grows by a GiB in a second does not fill what is free meanwhile.
    CHECK((pause == 20ms || static_cast<std::uint64_t>(pause.count()) * kGiB / 1000 <= free));
    before = pause;
  }
}

TEST_CASE("where there is nothing to look at nothing is told") {
  const auto loop = must(base::Loop::create());
  const auto directory = must(base::TempDir::create());
  SpaceWatch gone(*loop, directory.path() + "/gone", [](bool) { FAIL("told"); });
  gone.start();
  must(loop->step(base::Deadline::in(30ms)));
}

}  // namespace
}  // namespace fcvm::vm
