// What the results of health checks come to.
#include "agent/container/health.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

using namespace std::chrono_literals;
using wire::HealthStatus;

wire::HealthCheck check(std::uint32_t start_period_ms = 0) {
  wire::HealthCheck made;
  made.interval_ms = 30'000;
  made.start_period_ms = start_period_ms;
  made.retries = 3;
  return made;
}

const Health::Time kBegan(1h);

TEST_CASE("a container is healthy at its first success, and looked for closely until then") {
  Health health(check(), kBegan);
  CHECK(health.status() == HealthStatus::kStarting);
  CHECK(health.pause() == 100ms);
  health.failed(kBegan + 1s);
  CHECK(health.status() == HealthStatus::kStarting);
  CHECK(health.pause() == 100ms);
  health.passed();
  CHECK(health.status() == HealthStatus::kHealthy);
  CHECK(health.failing_streak() == 0);
  CHECK(health.pause() == 30s);
}

TEST_CASE("before the first verdict failures count as often as the interval would have them") {
  Health health(check(), kBegan);
  for (auto at = 0ms; at < 60s; at += 100ms) health.failed(kBegan + at);
  CHECK(health.status() == HealthStatus::kStarting);
  CHECK(health.failing_streak() == 2);
  health.failed(kBegan + 60s);
  CHECK(health.status() == HealthStatus::kUnhealthy);
  CHECK(health.pause() == 30s);
}

TEST_CASE("failures in the start period do not count") {
  Health health(check(50'000), kBegan);
  for (auto at = 0ms; at < 50s; at += 100ms) health.failed(kBegan + at);
  CHECK(health.failing_streak() == 0);
  for (auto at = 50s; at < 110s; at += 30s) health.failed(kBegan + at);
  CHECK(health.failing_streak() == 2);
}

TEST_CASE("one that was healthy turns unhealthy by failures in a row, and well by one success") {
  Health health(check(), kBegan);
  health.passed();
  health.failed(kBegan + 30s);
  health.failed(kBegan + 60s);
  health.passed();
  CHECK(health.failing_streak() == 0);
  for (auto at = 120s; at < 210s; at += 30s) {
    CHECK(health.status() == HealthStatus::kHealthy);
    health.failed(kBegan + at);
  }
  CHECK(health.status() == HealthStatus::kUnhealthy);
  CHECK(health.failing_streak() == 3);
  health.passed();
  CHECK(health.status() == HealthStatus::kHealthy);
}

TEST_CASE("an interval that is shorter than the close steps stays as it is") {
  auto quick = check();
  quick.interval_ms = 20;
  CHECK(Health(quick, kBegan).pause() == 20ms);
}

}  // namespace
}  // namespace fcvm::agent
