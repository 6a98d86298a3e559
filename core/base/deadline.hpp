// Deadline: a point on CLOCK_MONOTONIC by which something has to be done, or never.
//
// Owns nothing. Waiting functions take a Deadline and not a duration, so that a call made of
// several waits keeps to one limit, and so that it can cross the plugin ABI as one int64.
#pragma once

#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace fcvm::base {

class Deadline {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  static constexpr std::int64_t kNeverNs = INT64_MAX;

  /// The duration counts from now; a negative one has passed already.
  template <typename Rep, typename Period>
  static Deadline in(std::chrono::duration<Rep, Period> duration) {
    using Seconds = std::chrono::duration<double>;
    const std::int64_t now = now_ns();
    if (Seconds(duration) >= Seconds(Nanoseconds(kNeverNs - now)) * 0.999) return never();
    if (duration <= std::chrono::duration<Rep, Period>::zero()) return at_ns(now);
    return at_ns(now + std::chrono::ceil<Nanoseconds>(duration).count());
  }
  static constexpr Deadline never() { return Deadline(kNeverNs); }
  /// `ns` is absolute CLOCK_MONOTONIC time; kNeverNs means never.
  static constexpr Deadline at_ns(std::int64_t ns) { return Deadline(ns); }

  [[nodiscard]] constexpr bool is_never() const { return at_ns_ == kNeverNs; }
  [[nodiscard]] bool expired() const { return !is_never() && now_ns() >= at_ns_; }

  /// Never negative; Nanoseconds::max() when there is no deadline.
  [[nodiscard]] Nanoseconds remaining() const {
    if (is_never()) return Nanoseconds::max();
    const std::int64_t now = now_ns();
    return Nanoseconds(at_ns_ > now ? at_ns_ - now : 0);
  }

  /// For poll(2): -1 is never. Rounded up, so that a loop does not spin through the last
  /// millisecond.
  [[nodiscard]] int as_poll_ms() const {
    if (is_never()) return -1;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(remaining()).count();
    return ms > INT_MAX ? INT_MAX : static_cast<int>(ms);
  }

  /// Absolute CLOCK_MONOTONIC nanoseconds; kNeverNs when there is no deadline.
  [[nodiscard]] constexpr std::int64_t as_ns() const { return at_ns_; }

  [[nodiscard]] static Deadline earlier(Deadline a, Deadline b) {
    return a.at_ns_ < b.at_ns_ ? a : b;
  }

  [[nodiscard]] static std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  }

 private:
  constexpr explicit Deadline(std::int64_t ns) : at_ns_(ns) {}

  std::int64_t at_ns_;
};

}  // namespace fcvm::base
