// Health: what the results of checks come to. A pure state, which HealthWatch feeds.
//
// Until the first verdict, checks follow each other closely, so that whoever waits for a healthy
// container waits no interval; but failures count only as often as the interval would have them.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/wire/control.hpp"

namespace fcvm::agent {

class Health {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;

  Health(const wire::HealthCheck& check, Time began) : check_(check), began_(began) {}

  void passed();
  void failed(Time now);

  [[nodiscard]] wire::HealthStatus status() const { return status_; }
  [[nodiscard]] std::uint32_t failing_streak() const { return failing_streak_; }
  /// From the end of a check to the beginning of the next.
  [[nodiscard]] Milliseconds pause() const;

 private:
  wire::HealthCheck check_;
  Time began_;
  Time counted_ = Time::min();  // when a failure was counted last
  wire::HealthStatus status_ = wire::HealthStatus::kStarting;
  std::uint32_t failing_streak_ = 0;
};

}  // namespace fcvm::agent
