// See interest.hpp.
#include "core/base/loop/interest.hpp"

namespace fcvm::base {

Result<void> Interest::want(int fd, Loop::Events events) {
  if (fd != fd_ || events == 0) drop();
  if (fd < 0 || events == 0) return {};
  if (fd == fd_) {
    loop_.change(fd, events);
    return {};
  }
  FCVM_TRY(loop_.watch(fd, events, [this](Loop::Events came) {
    came_ |= came;
    if (on_events_) on_events_(came);
  }));
  fd_ = fd;
  return {};
}

void Interest::drop() {
  if (fd_ >= 0) loop_.forget(fd_);
  fd_ = -1;
  came_ = 0;
}

}  // namespace fcvm::base
