// Deadlines and cancellation of a blocking verb.
#include <thread>

#include <fcvm/sdk/call.hpp>

#include "tests/support/catch.hpp"

namespace fcvm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::int64_t in(milliseconds time) {
  return monotonic_now() + std::chrono::nanoseconds(time).count();
}

struct Ends {
  Fd read;
  Fd write;
  Ends() {
    int fds[2];
    REQUIRE(::pipe(fds) == 0);
    read = Fd(fds[0]);
    write = Fd(fds[1]);
  }
};

TEST_CASE("a wait ends at its deadline") {
  CancelSource source;
  const Ends pipe;
  const Call call(source, in(milliseconds(30)));
  const auto waited = call.wait(pipe.read.get(), POLLIN);
  REQUIRE_FALSE(waited);
  CHECK(waited.error().code() == ETIMEDOUT);
  CHECK(call.remaining().count() == 0);
  CHECK(call.check().error().code() == ETIMEDOUT);
}

TEST_CASE("a sleep ends by itself, or at the deadline") {
  CancelSource source;
  CHECK(Call(source, FCVM_NO_DEADLINE).sleep(milliseconds(5)));
  CHECK(Call(source, in(milliseconds(20))).sleep(seconds(60)).error().code() == ETIMEDOUT);
}

TEST_CASE("a wait returns when its file descriptor is ready, at hang-up too") {
  CancelSource source;
  Ends pipe;
  const Call call(source, FCVM_NO_DEADLINE);
  REQUIRE(::write(pipe.write.get(), "x", 1) == 1);
  CHECK(call.wait(pipe.read.get(), POLLIN));
  char byte = 0;
  REQUIRE(::read(pipe.read.get(), &byte, 1) == 1);
  pipe.write.reset();
  CHECK(call.wait(pipe.read.get(), POLLIN));
}

TEST_CASE("cancel ends a wait and a sleep from another thread, within 100 ms") {
  CancelSource source;
  const Ends pipe;
  const Call call(source, FCVM_NO_DEADLINE);
  for (const bool sleeping : {false, true}) {
    std::thread canceler([&] {
      std::this_thread::sleep_for(milliseconds(20));
      source.cancel();
    });
    const auto began = monotonic_now();
    const auto waited = sleeping ? call.sleep(seconds(60)) : call.wait(pipe.read.get(), POLLIN);
    canceler.join();
    REQUIRE_FALSE(waited);
    CHECK(waited.error().code() == ECANCELED);
    CHECK(monotonic_now() - began < 120'000'000);
  }
  CHECK(call.cancelled());
}

TEST_CASE("a cancel ends every verb under way, and none that begins afterwards") {
  CancelSource source;
  source.cancel();  // nobody is there
  {
    const Call first(source, FCVM_NO_DEADLINE);
    CHECK(first.check());
    const Call second(source, FCVM_NO_DEADLINE);
    source.cancel();
    CHECK(first.check().error().code() == ECANCELED);
    CHECK(second.check().error().code() == ECANCELED);
    // Though the first two are still there.
    const Call third(source, FCVM_NO_DEADLINE);
    CHECK(third.check());
    pollfd none{third.cancel_fd(), POLLIN, 0};
    CHECK(::poll(&none, 1, 0) == 0);
    pollfd asked_late{second.cancel_fd(), POLLIN, 0};
    CHECK(::poll(&asked_late, 1, 0) == 1);
  }
  const Call next(source, FCVM_NO_DEADLINE);
  CHECK(next.check());
  pollfd poller{next.cancel_fd(), POLLIN, 0};
  CHECK(::poll(&poller, 1, 0) == 0);
}

}  // namespace
}  // namespace fcvm
