// See listeners.hpp.
#include "agent/transport/listeners.hpp"

#include <sys/epoll.h>

#include "agent/log.hpp"
#include "core/base/io/unix_socket.hpp"

namespace fcvm::agent {

Listeners::~Listeners() {
  for (const auto& listener : listeners_) loop_.forget(listener.get());
}

Result<void> Listeners::add(std::uint32_t port, base::Fd listener) {
  FCVM_TRY(base::set_nonblocking(listener.get()));
  const int fd = listener.get();
  listeners_.push_back(std::move(listener));
  return loop_.watch(fd, EPOLLIN, [this, fd, port](Loop::Events) { accept(fd, port); });
}

void Listeners::accept(int listener, std::uint32_t port) {
  auto socket = base::accept_connection(listener);
  // Without a word in the log, which the container could fill with them.
  if (socket && !may_serve_(socket->get())) return;
  if (socket) return on_accept_(port, *std::move(socket));
  if (socket.error().code() != EAGAIN) log_line(socket.error().message());
}

}  // namespace fcvm::agent
