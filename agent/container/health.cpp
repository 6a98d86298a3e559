// See health.hpp.
#include "agent/container/health.hpp"

#include <algorithm>

namespace fcvm::agent {
namespace {

constexpr Health::Milliseconds kStep{100};

}  // namespace

void Health::passed() {
  status_ = wire::HealthStatus::kHealthy;
  failing_streak_ = 0;
}

void Health::failed(Time now) {
  if (status_ == wire::HealthStatus::kStarting) {
    if (now - began_ < Milliseconds(check_.start_period_ms)) return;
    const Milliseconds interval(check_.interval_ms);
    if (counted_ != Time::min() && now - counted_ < interval) return;
    counted_ = now;
  }
  ++failing_streak_;
  if (failing_streak_ >= check_.retries) status_ = wire::HealthStatus::kUnhealthy;
}

Health::Milliseconds Health::pause() const {
  const Milliseconds interval(check_.interval_ms);
  return status_ == wire::HealthStatus::kStarting ? std::min(kStep, interval) : interval;
}

}  // namespace fcvm::agent
