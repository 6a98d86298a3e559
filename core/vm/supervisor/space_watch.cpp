// See space_watch.hpp.
#include "core/vm/supervisor/space_watch.hpp"

#include <algorithm>
#include <sys/statvfs.h>

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kLow = 64 * kMiB;
/// No disk of a guest grows faster.
constexpr std::uint64_t kFastestPerMs = 2 * kMiB;
constexpr std::chrono::milliseconds kSoonest = 20ms;
constexpr std::chrono::milliseconds kLatest = 10s;

}  // namespace

SpaceLimits SpaceLimits::of(std::uint64_t total_bytes) {
  const std::uint64_t low = std::min(kLow, total_bytes / 16);
  return {low, low * 2};
}

std::chrono::milliseconds look_again_after(std::uint64_t free_bytes) {
  const auto filled_in = static_cast<std::int64_t>(free_bytes / kFastestPerMs);
  return std::clamp(std::chrono::milliseconds(filled_in / 2), kSoonest, kLatest);
}

void SpaceWatch::look() {
  struct statvfs space {};
  auto pause = kLatest;
  if (::statvfs(directory_.c_str(), &space) == 0) {
    const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
    const auto limits = SpaceLimits::of(std::uint64_t{space.f_blocks} * space.f_frsize);
    const bool is_full = free < (is_full_ ? limits.enough : limits.low);
    // One that is full is waited for by somebody.
    pause = is_full ? 200ms : look_again_after(free - limits.low);
    if (std::exchange(is_full_, is_full) || is_full) tell_(is_full);
  }
  again_ = loop_.after(pause, [this] { look(); });
}

}  // namespace fcvm::vm
