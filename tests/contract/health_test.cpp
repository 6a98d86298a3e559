// Health checks that fail, from the plan to the record, made by the real agent. One that passes is
// tried in a real guest (vm/readiness_test): here the agent is in no cgroup that it could join.
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"
#include "tests/contract/supervised.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

[[maybe_unused]] const auto kAgentFirst = guest_program = {FCVM_TEST_AGENT, "."};

/// A VM that is never well.
struct Checked {
  explicit Checked(HealthAction action = HealthAction::kNone)
      : supervised("exec sleep 600", {}, [&](RunPlan& plan) {
          plan.health.test = {"CMD-SHELL", "exit 1"};
          plan.health.interval = 100ms;
          plan.health.retries = 2;
          plan.health.on_failure = action;
        }) {
    (void)supervised.started();
  }
  /// Whatever a test has come to, its VM ends.
  ~Checked() { (void)supervised.ask(ask::End{}); }
  bool turns(const std::string& status) {
    for (int i = 0; i < 6000; ++i) {
      if (supervised.find().health.status == status) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
  std::vector<std::string> statuses() {
    std::vector<std::string> list;
    must(read_events(supervised.store().paths().events(), {0, now_ns()},
                     [&](const LoggedEvent& event) {
                       if (event.type != "health_status") return true;
                       list.push_back(event.attributes.at("health_status"));
                       return true;
                     }));
    return list;
  }

  Supervised supervised;
};

TEST_CASE("a container turns unhealthy after failures in a row, and goes on") {
  Checked box;
  REQUIRE(box.turns("unhealthy"));
  const Record ill = box.supervised.find();
  CHECK(ill.health.failing_streak >= 2);
  CHECK(ill.health.exit_code != 0);
  CHECK(ill.phase == Phase::kRunning);
  // It is told a moment after it is recorded.
  for (int i = 0; i < 6000 && box.statuses().empty(); ++i) std::this_thread::sleep_for(10ms);
  CHECK(box.statuses() == std::vector<std::string>{"unhealthy"});
  CHECK(box.supervised.ask(ask::Kill{SIGKILL}));
  CHECK(box.supervised.ended());
}

TEST_CASE("a container that turns unhealthy is killed or stopped where that was asked for") {
  for (const auto& [action, code] :
       {std::pair(HealthAction::kKill, 137), {HealthAction::kStop, 143}}) {
    Checked box(action);
    REQUIRE(box.supervised.ended());
    CHECK(must(box.supervised.outcome()) == code);
  }
}

}  // namespace
}  // namespace fcvm::vm
