// FdBudget: keeps the process below its limit of open files by counting what may be opened, so that
// neither accept() nor the making of a pipe ever fails for want of a descriptor.
//
// Owns no descriptor. Whoever finds it used up waits here, and is resumed when some come back.
#pragma once

#include <cstddef>
#include <vector>

#include "plugins/net/forward/event_loop.hpp"

namespace fcvm::forward {

class FdBudget {
 public:
  /// Raises the soft limit to the hard one first.
  static FdBudget of_process();

  [[nodiscard]] bool take(std::size_t count) {
    if (count > left_) return false;
    left_ -= count;
    return true;
  }
  void give_back(std::size_t count, EventLoop& loop);
  void wait(Handler& handler) { waiting_.push_back(&handler); }
  void stop_waiting(Handler& handler);

 private:
  explicit FdBudget(std::size_t count) : left_(count) {}

  std::size_t left_;
  std::vector<Handler*> waiting_;
};

}  // namespace fcvm::forward
