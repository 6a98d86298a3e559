#include "core/base/pace.hpp"

#include <thread>

#include "tests/support/catch.hpp"

namespace fcvm::base {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a budget is spent at once, and then comes back with time") {
  FrameBudget budget(100, 10);
  CHECK_FALSE(budget.exhausted());
  for (int i = 0; i < 200; ++i) budget.spend();
  CHECK(budget.exhausted());
  const auto wait = budget.ready().remaining();
  CHECK(wait > 1s);  // 200 of which 10 are free take nearly two
  CHECK(wait < 2s);
}

TEST_CASE("what is spent slowly is never exhausted") {
  FrameBudget budget(1000, 1);
  for (int i = 0; i < 5; ++i) {
    budget.spend();
    std::this_thread::sleep_for(3ms);
    CHECK_FALSE(budget.exhausted());
  }
}

TEST_CASE("a connection that breaks at once is dialled ever more slowly, up to a second") {
  RedialPause pause;
  std::chrono::milliseconds last{0};
  for (int i = 0; i < 12; ++i) {
    pause.connected();
    const auto next = pause.next();
    CHECK(next >= last);
    last = next;
  }
  CHECK(last == 1s);
  pause.connected();
  std::this_thread::sleep_for(1010ms);
  CHECK(pause.next() == 20ms);
}

TEST_CASE("what repeats is said first, and then now and then with a count") {
  Repetition often(50ms);
  CHECK(often.admit() == 0);
  for (int i = 0; i < 7; ++i) {
    const auto unsaid = often.admit();
    CHECK((!unsaid || *unsaid <= 7));
  }
  std::this_thread::sleep_for(60ms);
  CHECK(often.admit().has_value());
  Repetition rarely;
  CHECK(rarely.admit() == 0);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(rarely.admit());
}

}  // namespace
}  // namespace fcvm::base
