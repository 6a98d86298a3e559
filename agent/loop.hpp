// Loop: the agent's one event loop: descriptors, timers, ended children.
//
// Owns the epoll descriptor and the registrations, not the descriptors registered. Everything in
// the agent runs from here, on one thread, so nothing needs a lock and fork() is safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::agent {

/// How a child ended, from waitpid(2).
struct ChildEnd {
  int code = 0;    // as a shell has it
  int signal = 0;  // 0: it exited
};

class Loop {
 public:
  using Events = std::uint32_t;  // EPOLLIN, EPOLLOUT
  using OnEvents = std::function<void(Events)>;
  using OnEnd = std::function<void(ChildEnd)>;
  using TimerId = std::uint64_t;
  using SeekerId = std::uint64_t;

  /// Blocks SIGCHLD: children are reaped from here, every orphan included.
  static Result<std::unique_ptr<Loop>> create();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Level-triggered, so that an event lost over a pause of the VM comes again.
  Result<void> watch(int fd, Events events, OnEvents on_events);
  void change(int fd, Events events);
  void forget(int fd);

  TimerId after(std::chrono::milliseconds delay, std::function<void()> task);
  void cancel(TimerId timer);
  /// Runs once the events at hand are dealt with: how an object deletes itself.
  void soon(std::function<void()> task);

  /// Calls back once, when this child has ended. An end counts that came after the last turn of the
  /// loop began.
  void on_end(pid_t child, OnEnd on_end);
  void forget_child(pid_t child) { children_.erase(child); }
  /// Who does not know yet which pid its child has is asked to find out, and call on_end(), when a
  /// child has ended of which nobody knows.
  SeekerId add_seeker(std::function<void()> seek);
  void remove_seeker(SeekerId seeker) { seekers_.erase(seeker); }

  /// Until stop().
  Result<void> run();
  /// One round of it: waits for something to happen, and deals with it.
  Result<void> step();
  void stop() { stopped_ = true; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Watch {
    Events events;
    std::shared_ptr<OnEvents> on_events;
    std::uint32_t generation;
  };

  Loop() = default;
  Result<void> watch_children();
  void reap();
  void seek_children();
  void run_tasks();
  void run_timers();
  [[nodiscard]] int wait_ms() const;

  base::Fd epoll_;
  base::Fd signals_;
  std::map<int, Watch> watches_;
  std::uint32_t generation_ = 0;
  std::map<TimerId, std::pair<Clock::time_point, std::function<void()>>> timers_;
  TimerId last_timer_ = 0;
  std::vector<std::function<void()>> tasks_;
  std::map<pid_t, OnEnd> children_;
  std::map<SeekerId, std::function<void()>> seekers_;
  SeekerId last_seeker_ = 0;
  bool stopped_ = false;
};

}  // namespace fcvm::agent
