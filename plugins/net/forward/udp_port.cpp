// See udp_port.hpp.
#include "plugins/net/forward/udp_port.hpp"

#include <sys/epoll.h>

namespace fcvm::forward {

Fd UdpRelay::dial(std::uint16_t guest_port) {
  if (!make_room()) return {};
  auto dialled = guest_.dial_udp(guest_port);
  if (dialled) return *std::move(dialled);
  budget_.give_back(1, loop_);
  return {};
}

/// Takes one descriptor from the budget, by ending an older session when there is no other way.
bool UdpRelay::make_room() {
  if (by_use_.size() < kMostSessions && budget_.take(1)) return true;
  if (by_use_.empty()) return false;
  UdpSession& oldest = *by_use_.front();
  oldest.port().end(oldest);
  return budget_.take(1);
}

Result<void> UdpRelay::opened(UdpSession& session) {
  session.last_used_ = loop_.now();
  session.place_ = by_use_.insert(by_use_.end(), &session);
  if (by_use_.size() == 1) loop_.after(idle_, *this);
  return loop_.watch(session.socket(), EPOLLIN, session);
}

void UdpRelay::used(UdpSession& session) {
  session.last_used_ = loop_.now();
  by_use_.splice(by_use_.end(), by_use_, session.place_);
}

void UdpRelay::closed(UdpSession& session) {
  by_use_.erase(session.place_);
  budget_.give_back(1, loop_);
}

void UdpRelay::resume() {
  while (!by_use_.empty()) {
    UdpSession& oldest = *by_use_.front();
    const auto left = oldest.last_used_ + idle_ - loop_.now();
    if (left.count() > 0) return loop_.after(left, *this);
    oldest.port().end(oldest);
  }
}

Result<void> UdpPort::start() { return relay_.loop().watch(socket_.get(), EPOLLIN, *this); }

void UdpPort::on_events(std::uint32_t) {
  if (!socket_) return;
  Datagrams& datagrams = relay_.datagrams();
  const std::size_t count = datagrams.receive(socket_.get());
  for (std::size_t i = 0; i < count;) {
    const DatagramRoute route = datagrams.route(i);
    std::size_t run = 1;  // of one peer: they go in one call
    while (i + run < count && datagrams.route(i + run) == route) ++run;
    if (UdpSession* session = session_for(route); session != nullptr) {
      relay_.used(*session);
      datagrams.send(session->socket(), i, run);
    }
    i += run;
  }
}

UdpSession* UdpPort::session_for(const DatagramRoute& route) {
  const auto found = sessions_.find(route);
  if (found != sessions_.end()) return found->second.get();
  Fd to_guest = relay_.dial(guest_port_);
  if (!to_guest) return nullptr;
  auto made = std::make_unique<UdpSession>(*this, route, std::move(to_guest));
  UdpSession& session = *made;
  sessions_.emplace(route, std::move(made));
  if (relay_.opened(session)) return &session;
  end(session);
  return nullptr;
}

void UdpPort::end(UdpSession& session) {
  const auto found = sessions_.find(session.route());
  session.close();
  relay_.closed(session);
  relay_.loop().bury(std::move(found->second));
  sessions_.erase(found);
}

void UdpPort::close() {
  if (!socket_) return;
  while (!sessions_.empty()) end(*sessions_.begin()->second);
  relay_.loop().forget(socket_.get());
  socket_.reset();
}

}  // namespace fcvm::forward
