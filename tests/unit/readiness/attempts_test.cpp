// Asking again and again, until a deadline or a cancel.
#include "plugins/readiness/common/attempts.hpp"

#include <cerrno>
#include <thread>

#include "plugins/readiness/common/last_line.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::readiness {
namespace {

using namespace std::chrono_literals;

std::int64_t in(std::chrono::nanoseconds time) { return monotonic_now() + time.count(); }

TEST_CASE("attempts go on until one passes") {
  CancelSource cancel;
  const Call call(cancel, in(60s));
  int attempts = 0;
  CHECK(attempt_until_passed(call, 1ms, "it has to come", [&]() -> Result<Seen> {
    if (++attempts == 1) return fail(ECONNREFUSED, "nobody listens");
    return attempts < 4 ? Seen("HTTP 503") : Seen();
  }));
  CHECK(attempts == 4);
}

TEST_CASE("the deadline tells what was seen last, and not what it cut short itself") {
  CancelSource cancel;
  const Call call(cancel, in(30ms));
  int attempts = 0;
  const auto done = attempt_until_passed(call, 1ms, "it has to come", [&]() -> Result<Seen> {
    if (++attempts == 1) return Seen("HTTP 503");
    std::this_thread::sleep_for(50ms);
    return fail(ETIMEDOUT, "no answer in time");
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == ETIMEDOUT);
  CHECK(done.error().message() == "it has to come; seen last: HTTP 503");
}

TEST_CASE("a cancel ends the pause between two attempts") {
  CancelSource cancel;
  const Call call(cancel, in(600s));
  std::thread canceller([&] { cancel.cancel(); });
  const auto done = attempt_until_passed(call, 600s, "it has to come",
                                         [] { return Result<Seen>(Seen("not yet")); });
  canceller.join();
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == ECANCELED);
}

TEST_CASE("what asking again cannot heal ends the wait") {
  CancelSource cancel;
  const Call call(cancel, in(600s));
  for (const int code : {EINVAL, ENOTSUP}) {
    const auto done = attempt_until_passed(call, 1ms, "it has to come",
                                           [&]() -> Result<Seen> { return fail(code, "never"); });
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == code);
    CHECK(done.error().message() == "it has to come: never");
  }
}

TEST_CASE("what a guest said is one short line that no terminal obeys") {
  CHECK(last_line("") == "");
  CHECK(last_line("first\nlast\r\n\n") == "last");
  CHECK(last_line("\x1b[31mred") == "\\x1b[31mred");
  CHECK(last_line(std::string(500, 'x')) == std::string(160, 'x') + "...");
}

}  // namespace
}  // namespace fcvm::readiness
