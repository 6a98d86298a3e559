// See poll.hpp.
#include "core/base/io/poll.hpp"

#include <poll.h>
#include <string>

#include "core/base/io/fd_name.hpp"

namespace fcvm::base {

namespace {

std::string what(short events, int fd) {
  return (events == POLLIN ? "waiting to read " : "waiting to write ") + fd_name(fd);
}

Result<void> wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    pollfd waited{fd, events, 0};
    const int ready = ::poll(&waited, 1, deadline.as_poll_ms());
    if (ready > 0) {
      if ((waited.revents & POLLNVAL) == 0) return {};
      return fail(EBADF, what(events, fd) + ": it is not open");
    }
    if (ready < 0 && errno != EINTR) return fail_errno(what(events, fd));
    if (deadline.expired()) return fail(ETIMEDOUT, what(events, fd) + ": timed out");
  }
}

}  // namespace

Result<void> wait_readable(int fd, Deadline deadline) { return wait_for(fd, POLLIN, deadline); }

Result<void> wait_writable(int fd, Deadline deadline) { return wait_for(fd, POLLOUT, deadline); }

}  // namespace fcvm::base
