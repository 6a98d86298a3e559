// Loop: the agent's one event loop: base::Loop, and ended children.
//
// Everything in the agent runs from here, on one thread, so nothing needs a lock and fork() is
// safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/loop/loop.hpp"

namespace fcvm::agent {

/// How a child ended, from waitpid(2).
struct ChildEnd {
  int code = 0;    // as a shell has it
  int signal = 0;  // 0: it exited
};

class Loop : public base::Loop {
 public:
  using OnEnd = std::function<void(ChildEnd)>;
  using SeekerId = std::uint64_t;

  /// Blocks SIGCHLD: children are reaped from here, every orphan included.
  static Result<std::unique_ptr<Loop>> create();

  /// Calls back once, when this child has ended. An end counts that came after the last turn of the
  /// loop began.
  void on_end(pid_t child, OnEnd on_end) { children_[child] = std::move(on_end); }
  void forget_child(pid_t child) { children_.erase(child); }
  /// Who does not know yet which pid its child has is asked to find out, and call on_end(), when a
  /// child has ended of which nobody knows.
  SeekerId add_seeker(std::function<void()> seek);
  void remove_seeker(SeekerId seeker) { seekers_.erase(seeker); }

 private:
  Loop() = default;
  Result<void> watch_children();
  void reap();
  void seek_children();

  base::Fd signals_;
  std::map<pid_t, OnEnd> children_;
  std::map<SeekerId, std::function<void()>> seekers_;
  SeekerId last_seeker_ = 0;
};

}  // namespace fcvm::agent
