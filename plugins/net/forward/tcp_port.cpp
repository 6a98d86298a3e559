// See tcp_port.hpp.
#include "plugins/net/forward/tcp_port.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

namespace fcvm::forward {

namespace {

/// At a time, so that a flood of clients leaves the connections that there are their turns.
constexpr int kAccepts = 64;
constexpr std::chrono::milliseconds kShortOfResources{100};

}  // namespace

void TcpRelay::open(Fd client, std::uint16_t guest_port) {
  auto made = std::make_unique<TcpConnection>(loop_, pipes_, guest_, *this, guest_port);
  TcpConnection& connection = *made;
  connections_.emplace(&connection, std::move(made));
  connection.start(std::move(client));
}

void TcpRelay::on_closed(TcpConnection& connection) {
  const auto found = connections_.find(&connection);
  loop_.bury(std::move(found->second));
  connections_.erase(found);
  budget_.give_back(kFdsPerConnection, loop_);
}

Result<void> TcpPort::start() { return loop_.watch(listener_.get(), EPOLLIN, *this); }

void TcpPort::on_events(std::uint32_t) {
  for (int i = 0; i < kAccepts && listener_; ++i) {
    if (!budget_.take(TcpRelay::kFdsPerConnection)) {
      budget_.wait(*this);
      return pause();
    }
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      relay_.open(std::move(client), guest_port_);
      continue;
    }
    const int error = errno;
    budget_.give_back(TcpRelay::kFdsPerConnection, loop_);
    if (error == EAGAIN) return;
    if (error == ENFILE || error == EMFILE || error == ENOBUFS || error == ENOMEM) {
      loop_.after(kShortOfResources, *this);
      return pause();
    }
    // Otherwise a client that has left before its turn came.
  }
}

/// The others wait in the backlog meanwhile.
void TcpPort::pause() { loop_.change(listener_.get(), 0, *this); }

void TcpPort::resume() {
  if (listener_) loop_.change(listener_.get(), EPOLLIN, *this);
}

/// Forgotten before it is closed: the publisher may still hold a copy of the descriptor, and epoll
/// would go on watching.
void TcpPort::close() {
  if (!listener_) return;
  loop_.forget(listener_.get());
  loop_.cancel(*this);
  budget_.stop_waiting(*this);
  listener_.reset();
}

}  // namespace fcvm::forward
