// See health_watch.hpp.
#include "plugins/net/common/health_watch.hpp"

#include <sys/epoll.h>

namespace fcvm::net {

Result<HealthWatch> HealthWatch::make() {
  HealthWatch made;
  made.epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!made.epoll_) return fail_errno("watching the network's health");
  return made;
}

Result<void> HealthWatch::add(int fd) const {
  epoll_event readable{};
  readable.events = EPOLLIN;
  if (fd < 0 || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &readable) == 0) return {};
  return errno == EEXIST ? Result<void>() : fail_errno("watching the network's health");
}

Result<void> HealthWatch::remove(int fd) const {
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0) return {};
  return fail_errno("watching the network's health");
}

}  // namespace fcvm::net
