// See watch_once.hpp.
#include "core/vm/supervisor/watch_once.hpp"

#include <fcntl.h>
#include <utility>

namespace fcvm::vm {

Result<void> WatchOnce::set(int fd, std::function<void()> on_readable) {
  stop();
  fd_ = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!fd_) return fail_errno("watching a plugin's descriptor");
  auto watched = loop_.watch(fd_.get(), base::Loop::events(true, false),
                             [this, on_readable = std::move(on_readable)](auto) {
                               stop();
                               on_readable();
                             });
  if (!watched) fd_.reset();
  return watched;
}

void WatchOnce::stop() {
  if (fd_) loop_.forget(fd_.get());
  fd_.reset();
}

}  // namespace fcvm::vm
