// How long attaching and detaching takes: for tests/bench/net_attach_bench.sh, which names the
// plugin.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

class Timings {
 public:
  void add(std::int64_t began, std::int64_t ended) {
    all_.push_back(static_cast<double>(ended - began) / 1'000'000);
  }
  [[nodiscard]] double at(double part) {
    std::sort(all_.begin(), all_.end());
    return all_[static_cast<std::size_t>(part * static_cast<double>(all_.size() - 1))];
  }

 private:
  std::vector<double> all_;
};

int rounds() {
  const char* said = std::getenv("FCVM_BENCH_ROUNDS");
  return said == nullptr ? 50 : std::max(1, std::atoi(said));
}

/// Each round is a VM of its own. What a plugin still does after detach, `end` waits for.
void time_one(const Backend& backend) {
  Timings attached;
  Timings detached;
  Timings both;
  Timings ended;
  for (int i = -1; i < rounds(); ++i) {
    auto network = std::make_unique<Network>(backend);
    const std::int64_t began = monotonic_now();
    REQUIRE(network->attach({}) == 0);
    const std::int64_t between = monotonic_now();
    REQUIRE(network->detach() == 0);
    const std::int64_t end = monotonic_now();
    network.reset();
    if (i < 0) continue;  // the first one also asks helpers what they can do
    attached.add(began, between);
    detached.add(between, end);
    both.add(began, end);
    ended.add(end, monotonic_now());
  }
  std::printf(
      "{\"bench\":\"net_attach\",\"plugin\":\"net.%s\",\"rounds\":%d,\"attach_p50_ms\":%.1f,"
      "\"detach_p50_ms\":%.1f,\"both_p50_ms\":%.1f,\"both_p95_ms\":%.1f,\"end_p50_ms\":%.1f}\n",
      backend.name.c_str(), rounds(), attached.at(0.5), detached.at(0.5), both.at(0.5),
      both.at(0.95), ended.at(0.5));
}

}  // namespace

TEST_CASE("attach and detach timings", "[.]") {
  REQUIRE(Environment::get() != nullptr);
  const char* wanted = std::getenv("FCVM_TEST_BACKEND");
  for (const Backend& backend : backends()) {
    if (wanted == nullptr || backend.name == wanted) time_one(backend);
  }
}

}  // namespace fcvm::test
