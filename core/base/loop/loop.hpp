// Loop: an event loop of one thread: descriptors, timers, and tasks that other threads hand over.
//
// Owns the epoll descriptor and the registrations, not the descriptors registered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <sys/epoll.h>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"

namespace fcvm::base {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Events = std::uint32_t;  // EPOLLIN, EPOLLOUT
  using OnEvents = std::function<void(Events)>;
  using Task = std::function<void()>;
  /// As it is made it names none.
  using TimerId = std::pair<Clock::time_point, std::uint64_t>;

  [[nodiscard]] static Events events(bool reads, bool writes) {
    return (reads ? Events{EPOLLIN} : 0) | (writes ? Events{EPOLLOUT} : 0);
  }
  /// Something has come, be it an end or an error.
  [[nodiscard]] static bool has_come(Events events) { return (events & ~Events{EPOLLOUT}) != 0; }

  static Result<std::unique_ptr<Loop>> create();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  /// Level-triggered, so that an event lost over a pause of the VM comes again. What never makes
  /// anybody wait, such as a regular file, is always ready.
  Result<void> watch(int fd, Events events, OnEvents on_events);
  void change(int fd, Events events);
  void forget(int fd);

  TimerId after(Clock::duration delay, Task task);
  void cancel(const TimerId& timer) { timers_.erase(timer); }
  /// Runs once the events at hand are dealt with: how an object deletes itself.
  void soon(Task task) { tasks_.push_back(std::move(task)); }
  /// From any thread, and in the order of the calls. What is posted after the last round is
  /// dropped.
  void post(Task task);

  /// Until stop().
  Result<void> run();
  /// One round of it: waits for something to happen, though not beyond `limit`, and deals with it.
  Result<void> step(const Deadline& limit = Deadline::never());
  void stop() { stopped_ = true; }

 protected:
  Loop() = default;
  Result<void> open();

 private:
  struct Watch {
    Events events;
    std::shared_ptr<OnEvents> on_events;
    std::uint32_t generation;
    bool always_ready;  // the kernel watches no such file
  };

  void take_posted();
  void run_tasks();
  void run_timers();
  void dispatch(int fd, std::uint32_t generation, Events events);
  void run_ready();
  [[nodiscard]] int wait_ms(const Deadline& limit) const;

  Fd epoll_;
  Fd posted_fd_;
  std::map<int, Watch> watches_;
  std::size_t always_ready_ = 0;  // how many of them are, and are wanted
  std::uint32_t generation_ = 0;
  std::map<TimerId, Task> timers_;
  std::uint64_t last_timer_ = 0;
  std::vector<Task> tasks_;
  bool stopped_ = false;

  std::mutex posted_mutex_;
  std::vector<Task> posted_;
};

}  // namespace fcvm::base
