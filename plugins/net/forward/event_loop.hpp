// EventLoop: the one epoll loop of fcvm-forward, which has one thread.
//
// Owns the epoll descriptor, the timers, and what has ended in this round: an event that was
// fetched together with the one that ended its handler still finds an object to call.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::forward {

class Handler {
 public:
  virtual ~Handler() = default;
  /// EPOLLIN, EPOLLOUT and so on.
  virtual void on_events(std::uint32_t events) = 0;
  /// What again() or after() asked for.
  virtual void resume() {}
};

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create();

  /// `handler` must live until forget(), or until the last descriptor of the file is closed and it
  /// has been buried.
  Result<void> watch(int fd, std::uint32_t events, Handler& handler);
  void change(int fd, std::uint32_t events, Handler& handler);
  void forget(int fd);

  /// Calls resume() once the others have had their turn.
  void again(Handler& handler) { again_.push_back(&handler); }
  /// Calls resume() later, once; replaces what was asked for before.
  void after(std::chrono::milliseconds delay, Handler& handler);
  void cancel(Handler& handler) { timers_.erase(&handler); }

  /// Destroyed at the end of the round, and not resumed after it.
  void bury(std::unique_ptr<Handler> ended);

  /// Until stop().
  Result<void> run();
  void stop() { stopped_ = true; }

  /// CLOCK_MONOTONIC, as of the beginning of the round.
  [[nodiscard]] std::chrono::milliseconds now() const { return now_; }

 private:
  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) { read_clock(); }
  void read_clock();
  [[nodiscard]] int wait_ms() const;
  Result<void> round();
  void run_timers();

  Fd epoll_;
  std::chrono::milliseconds now_{};
  std::map<Handler*, std::chrono::milliseconds> timers_;  // a handful: searched one by one
  std::vector<Handler*> again_;
  std::vector<std::unique_ptr<Handler>> ended_;
  bool stopped_ = false;
};

}  // namespace fcvm::forward
