// See fd_budget.hpp.
#include "plugins/net/forward/fd_budget.hpp"

#include <algorithm>
#include <chrono>
#include <sys/resource.h>

namespace fcvm::forward {

namespace {

/// The standard ones, the control socket, epoll, spare pipes, and what one control message brings.
constexpr rlim_t kReserved = 320;

}  // namespace

FdBudget FdBudget::of_process() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return FdBudget(limit.rlim_cur > kReserved ? limit.rlim_cur - kReserved : 0);
}

void FdBudget::give_back(std::size_t count, EventLoop& loop) {
  left_ += count;
  // Not at once: the caller may be in the middle of ending something.
  for (Handler* handler : std::exchange(waiting_, {})) {
    loop.after(std::chrono::milliseconds(0), *handler);
  }
}

void FdBudget::stop_waiting(Handler& handler) {
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &handler), waiting_.end());
}

}  // namespace fcvm::forward
