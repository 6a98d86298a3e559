// Loops, the signals and workers of their threads.
#include "core/base/loop/loop.hpp"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/pipe.hpp"
#include "core/base/loop/interest.hpp"
#include "core/base/loop/signals.hpp"
#include "core/base/loop/worker_pool.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::base {
namespace {

using namespace std::chrono_literals;

/// Ends the loop when nobody else does.
void run(Loop& loop) {
  loop.after(60s, [&] { loop.stop(); });
  must(loop.run());
}

TEST_CASE("timers run in their order, and those that are cancelled do not") {
  const auto loop = must(Loop::create());
  std::string order;
  loop->after(20ms, [&] {
    order += '2';
    loop->stop();
  });
  const auto never = loop->after(10ms, [&] { order += 'x'; });
  loop->after(1ms, [&] { order += '1'; });
  loop->after(0ms, [&] { loop->cancel(never); });
  loop->cancel({});
  run(*loop);
  CHECK(order == "12");
}

TEST_CASE("a timer that is further away than the clock goes is never due") {
  const auto loop = must(Loop::create());
  loop->after(Loop::Clock::duration::max(), [&] { FAIL("due"); });
  loop->after(1ms, [&] { loop->stop(); });
  run(*loop);
}

TEST_CASE("what other threads post runs on the loop, in the order of each") {
  const auto loop = must(Loop::create());
  constexpr int kEach = 1000;
  std::vector<int> last(4, -1);
  int count = 0;
  bool ordered = true;
  std::vector<std::thread> threads;
  for (std::size_t who = 0; who < last.size(); ++who) {
    threads.emplace_back([&, who] {
      for (int i = 0; i < kEach; ++i) {
        loop->post([&, who, i] {
          ordered = ordered && last[who] == i - 1;
          last[who] = i;
          if (++count == kEach * 4) loop->stop();
        });
      }
    });
  }
  run(*loop);
  for (auto& thread : threads) thread.join();
  CHECK(count == kEach * 4);
  CHECK(ordered);
}

TEST_CASE("an event of a descriptor that was closed in the same round reaches nobody") {
  const auto loop = must(Loop::create());
  auto first = must(Pipe::create());
  auto second = must(Pipe::create());
  must(loop->watch(first.read_end.get(), EPOLLIN, [&](Loop::Events) {
    loop->forget(second.read_end.get());
    loop->forget(first.read_end.get());
    loop->soon([&] { loop->stop(); });
  }));
  bool called = false;
  must(loop->watch(second.read_end.get(), EPOLLIN, [&](Loop::Events) { called = true; }));
  REQUIRE(::write(first.write_end.get(), "x", 1) == 1);
  REQUIRE(::write(second.write_end.get(), "x", 1) == 1);
  run(*loop);
  // Whichever came first: the kernel gives them in the order in which they became readable.
  CHECK_FALSE(called);
}

TEST_CASE("of a descriptor of which nothing is wanted not even the end is told") {
  const auto loop = must(Loop::create());
  auto pipe = must(Pipe::create());
  Interest interest(*loop);
  must(interest.want(pipe.read_end.get(), Loop::events(true, false)));
  must(loop->step(Deadline::at_ns(0)));
  CHECK(interest.take() == 0);
  must(interest.want(pipe.read_end.get(), 0));
  pipe.write_end = {};
  must(loop->step(Deadline::at_ns(0)));
  CHECK(interest.take() == 0);
  must(interest.want(pipe.read_end.get(), Loop::events(true, false)));
  must(loop->step());
  CHECK(Loop::has_come(interest.take()));
  CHECK(interest.take() == 0);
}

TEST_CASE("a file of which the kernel tells nothing is always ready") {
  const auto loop = must(Loop::create());
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  auto pipe = must(Pipe::create());
  Interest interest(*loop);
  Interest other(*loop);
  must(interest.want(null.get(), Loop::events(false, true)));
  must(other.want(pipe.write_end.get(), Loop::events(false, true)));
  must(loop->step());
  CHECK(interest.take() == EPOLLOUT);
  CHECK(other.take() == EPOLLOUT);
  // It keeps nobody from waiting once it is not wanted.
  must(interest.want(null.get(), 0));
  must(other.want(pipe.write_end.get(), 0));
  const auto began = std::chrono::steady_clock::now();
  must(loop->step(Deadline::in(30ms)));
  CHECK(std::chrono::steady_clock::now() - began >= 30ms);
}

TEST_CASE("an interest goes over to another descriptor, and its handler is told") {
  const auto loop = must(Loop::create());
  auto first = must(Pipe::create());
  auto second = must(Pipe::create());
  int told = 0;
  Interest interest(*loop, [&](Loop::Events events) {
    CHECK(Loop::has_come(events));
    ++told;
  });
  must(interest.want(first.read_end.get(), Loop::events(true, false)));
  must(interest.want(second.read_end.get(), Loop::events(true, false)));
  REQUIRE(::write(first.write_end.get(), "x", 1) == 1);
  must(loop->step(Deadline::at_ns(0)));
  CHECK(told == 0);
  REQUIRE(::write(second.write_end.get(), "x", 1) == 1);
  must(loop->step());
  CHECK(told == 1);
  interest.drop();
  must(loop->step(Deadline::at_ns(0)));
  CHECK(told == 1);
}

TEST_CASE("every loop that watches a signal is told of it, and the last puts back what was there") {
  static std::atomic<int> elsewhere = 0;
  struct sigaction counts {};
  counts.sa_handler = [](int) { ++elsewhere; };
  struct sigaction before {};
  REQUIRE(::sigaction(SIGUSR2, &counts, &before) == 0);
  {
    const auto loop = must(Loop::create());
    const auto other = must(Loop::create());
    int heard = 0;
    auto first = must(Signals::watch(*loop, {SIGUSR2, SIGUSR1}, [&](int number) {
      if (number == SIGUSR2) ++heard;
      loop->stop();
    }));
    const auto second = must(Signals::watch(*other, {SIGUSR2}, [&](int) {
      ++heard;
      other->stop();
    }));
    REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
    run(*loop);
    run(*other);
    CHECK(heard == 2);
    first.reset();
    REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
    must(other->step());
    CHECK(heard == 3);
    CHECK(elsewhere == 0);
  }
  REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
  for (int i = 0; i < 6000 && elsewhere == 0; ++i) std::this_thread::sleep_for(10ms);
  CHECK(elsewhere == 1);
  REQUIRE(::sigaction(SIGUSR2, &before, nullptr) == 0);
}

TEST_CASE("one worker does one thing after the other, and all of it before it is joined") {
  WorkerPool pool(1);
  std::string order;
  pool.post([&] {
    std::this_thread::sleep_for(10ms);
    order += '1';
    pool.post([&] { order += '3'; });
  });
  pool.post([&] { order += '2'; });
  pool.join();
  CHECK(order == "123");
  pool.post([&] { order += 'x'; });
  pool.join();
  CHECK(order == "123");
}

TEST_CASE("workers do things side by side") {
  WorkerPool pool(3);
  std::atomic<int> together = 0;
  std::atomic<bool> met = false;
  for (int i = 0; i < 3; ++i) {
    pool.post([&] {
      ++together;
      for (int tries = 0; tries < 6000 && !met; ++tries) {
        if (together == 3) met = true;
        std::this_thread::sleep_for(10ms);
      }
    });
  }
  pool.join();
  CHECK(met);
}

}  // namespace
}  // namespace fcvm::base
