// How often a peer that may be hostile is listened to: what it sends for nothing costs it time, so
// that it cannot keep a core of the host busy. State machines without I/O; they read the clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/base/deadline.hpp"

namespace fcvm::base {

/// A budget of frames that bring nothing: `burst` at once, `per_second` for ever. Who has spent it
/// reads no more until ready().
class FrameBudget {
 public:
  FrameBudget(std::int64_t per_second, std::int64_t burst)
      : cost_ns_(1'000'000'000 / per_second), burst_ns_(burst * cost_ns_) {}

  void spend() { paid_until_ns_ = std::max(paid_until_ns_, Deadline::now_ns()) + cost_ns_; }
  [[nodiscard]] Deadline ready() const { return Deadline::at_ns(paid_until_ns_ - burst_ns_); }
  [[nodiscard]] bool exhausted() const { return !ready().expired(); }

 private:
  std::int64_t cost_ns_;
  std::int64_t burst_ns_;
  std::int64_t paid_until_ns_ = 0;
};

/// The pause before a broken connection is dialled again. One that did not live long doubles it: a
/// peer may accept and hang up as often as it likes.
class RedialPause {
 public:
  void connected() { connected_ns_ = Deadline::now_ns(); }
  /// The pause after a connection broke, or could not be made.
  [[nodiscard]] std::chrono::milliseconds next() {
    const bool lived = connected_ns_ != 0 && Deadline::now_ns() - connected_ns_ > kLivedNs;
    connected_ns_ = 0;
    const auto pause = lived ? kShortest : pause_;
    pause_ = std::min(2 * pause, kLongest);
    return pause;
  }

 private:
  static constexpr std::chrono::milliseconds kShortest{20};
  static constexpr std::chrono::milliseconds kLongest{1000};
  static constexpr std::int64_t kLivedNs = 1'000'000'000;

  std::chrono::milliseconds pause_ = kShortest;
  std::int64_t connected_ns_ = 0;
};

/// What is said of the same thing again and again: the first time, and then once a minute, with how
/// often it was not said in between. One thread at a time.
class Repetition {
 public:
  explicit Repetition(std::chrono::nanoseconds pause = std::chrono::minutes(1))
      : pause_ns_(pause.count()) {}

  /// Nothing when this one is not to be said; else how many were not.
  [[nodiscard]] std::optional<std::uint64_t> admit() {
    const std::int64_t now = Deadline::now_ns();
    if (said_ns_ != 0 && now - said_ns_ < pause_ns_) {
      ++unsaid_;
      return std::nullopt;
    }
    said_ns_ = now;
    return std::exchange(unsaid_, 0);
  }

 private:
  std::int64_t pause_ns_;
  std::int64_t said_ns_ = 0;
  std::uint64_t unsaid_ = 0;
};

}  // namespace fcvm::base
