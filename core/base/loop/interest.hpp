// Interest: what is wanted of one descriptor, which may change with every round of a loop. Owns its
// registration, not the descriptor.
#pragma once

#include <utility>

#include <fcvm/result.hpp>

#include "core/base/loop/loop.hpp"

namespace fcvm::base {

class Interest {
 public:
  /// Who looks at several together after each round needs no `on_events`; it must not destroy this
  /// object, but by Loop::soon().
  explicit Interest(Loop& loop, Loop::OnEvents on_events = {})
      : loop_(loop), on_events_(std::move(on_events)) {}
  Interest(const Interest&) = delete;
  Interest& operator=(const Interest&) = delete;
  ~Interest() { drop(); }

  /// Until further notice. Where nothing is wanted not even a hang-up is told.
  Result<void> want(int fd, Loop::Events events);
  /// Before the descriptor is closed.
  void drop();
  /// What came since the last time.
  [[nodiscard]] Loop::Events take() { return std::exchange(came_, 0); }

 private:
  Loop& loop_;
  const Loop::OnEvents on_events_;
  int fd_ = -1;  // -1: not registered
  Loop::Events came_ = 0;
};

}  // namespace fcvm::base
