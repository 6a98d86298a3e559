// See poll.hpp.
#include "core/base/io/poll.hpp"

#include <poll.h>

namespace fcvm::base {

namespace {

Result<void> wait_for(int fd, short events, Deadline deadline, const std::string& what) {
  for (;;) {
    pollfd waited{fd, events, 0};
    const int ready = ::poll(&waited, 1, deadline.as_poll_ms());
    if (ready > 0) {
      if ((waited.revents & POLLNVAL) == 0) return {};
      return fail(EBADF, what + ": it is not open");
    }
    if (ready < 0 && errno != EINTR) return fail_errno(what);
    if (deadline.expired()) return fail(ETIMEDOUT, what + ": timed out");
  }
}

}  // namespace

Result<void> wait_readable(int fd, Deadline deadline) {
  return wait_for(fd, POLLIN, deadline, "waiting to read fd " + std::to_string(fd));
}

Result<void> wait_writable(int fd, Deadline deadline) {
  return wait_for(fd, POLLOUT, deadline, "waiting to write fd " + std::to_string(fd));
}

}  // namespace fcvm::base
