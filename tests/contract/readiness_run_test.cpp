// What a supervisor makes of gates: who is told when, and how it ends. The gates are this test's.
#include <fcvm/readiness.hpp>

#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"
#include "tests/contract/supervised.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

[[maybe_unused]] const auto kAgentFirst = guest_program = {FCVM_TEST_AGENT, "."};

/// Passes once it is told to, fails when it is told to, and hears of the cancel unless it is deaf.
std::atomic<bool> opens = false;
std::atomic<bool> breaks = false;
std::atomic<int> waiting = 0;

class TestGate : public ReadinessPlugin {
 public:
  static constexpr Info kInfo{"readiness.test", "1.0.0", "a gate of a test"};

  Result<void> wait(const fcvm_ready_target& target, const Call& call) {
    if (std::string_view(target.container) != "box")
      return fail(EINVAL, "that is another container");
    ++waiting;
    const auto done = [&]() -> Result<void> {
      while (!opens) {
        if (breaks) return fail(ENOTSUP, "it is broken");
        FCVM_TRY(call.sleep(5ms));
      }
      return {};
    }();
    --waiting;
    return done;
  }
};

struct Gated {
  explicit Gated(const std::string& script, std::chrono::milliseconds limit = kPatience)
      : supervised(script, {}, [&](RunPlan& plan) {
          plan.readiness = {
              {{"mode=test", "readiness.test", {}}, {"mode=test,2", "readiness.test", {}}}, limit};
        }) {
    opens = breaks = false;
  }
  /// Whatever a test has come to, its VM ends.
  ~Gated() { (void)supervised.ask(ask::End{}); }
  void await_waiting(int count) {
    for (int i = 0; i < 6000 && waiting != count; ++i) std::this_thread::sleep_for(10ms);
    REQUIRE(waiting == count);
  }
  std::vector<std::string> events() {
    std::vector<std::string> types;
    must(read_events(supervised.store().paths().events(), {0, now_ns()},
                     [&](const LoggedEvent& event) {
                       types.push_back(event.type);
                       return true;
                     }));
    return types;
  }
  Supervised supervised;
};

TEST_CASE("who waits for a VM with gates hears of it once all have passed") {
  Gated box("exec sleep 600");
  box.await_waiting(2);
  const Record before = box.supervised.started();
  CHECK(before.phase == Phase::kRunning);
  CHECK_FALSE(before.is_ready());
  CHECK_FALSE(box.supervised.is_ready_within(50ms));
  opens = true;
  REQUIRE(box.supervised.is_ready_within(kPatience));
  CHECK(box.supervised.find().is_ready());
  CHECK(box.events() == std::vector<std::string>{"create", "start", "ready"});
  CHECK(box.supervised.ask(ask::Kill{SIGKILL}));
  REQUIRE(box.supervised.ended());
  CHECK(must(box.supervised.outcome()) == 137);
}

TEST_CASE("a gate that fails ends the VM, and the others") {
  Gated box("echo the last words; exec sleep 600");
  box.await_waiting(2);
  breaks = true;
  REQUIRE(box.supervised.ended());
  const auto outcome = box.supervised.outcome();
  REQUIRE_FALSE(outcome);
  CHECK_THAT(outcome.error().message(), test::Contains("VM box did not become ready"));
  CHECK_THAT(outcome.error().message(), test::Contains("readiness.test: it is broken"));
  CHECK_THAT(outcome.error().message(), test::Contains("log: the last words"));
  CHECK(waiting == 0);
  CHECK(box.supervised.find().exit_code == 125);
}

TEST_CASE("gates have until the limit") {
  Gated box("exec sleep 600", 300ms);
  REQUIRE(box.supervised.ended());
  const auto outcome = box.supervised.outcome();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == ETIMEDOUT);
  CHECK_THAT(outcome.error().remedy(), test::Contains("--ready-timeout"));
}

TEST_CASE("a container that ends meanwhile was never ready") {
  Gated box("sleep 1; echo gone; exit 3");
  REQUIRE(box.supervised.ended());
  CHECK(must(box.supervised.outcome()) == 3);
  CHECK_FALSE(box.supervised.is_ready_within(0ms));
  CHECK_THAT(box.supervised.never_ready(),
             test::Contains("ended with exit code 3 before it was ready"));
  CHECK_THAT(box.supervised.never_ready(), test::Contains("mode=test, mode=test,2"));
  CHECK_THAT(box.supervised.never_ready(), test::Contains("log: gone"));
  CHECK(waiting == 0);
}

TEST_CASE("a VM that is stopped while its gates wait ends as any other") {
  Gated box("exec sleep 600");
  box.await_waiting(2);
  const auto stopped = box.supervised.ask(ask::Stop{});
  REQUIRE(stopped);
  REQUIRE(box.supervised.ended());
  CHECK(must(box.supervised.outcome()) == stopped->code);
  CHECK(waiting == 0);
}

[[maybe_unused]] const auto kTheGate = extra_plugins = {table_of<TestGate>()};

}  // namespace
}  // namespace fcvm::vm
