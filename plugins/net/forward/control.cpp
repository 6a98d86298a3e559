// See control.hpp.
#include "plugins/net/forward/control.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace fcvm::forward {

namespace {

int option_of(const Fd& socket, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(socket.get(), SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

bool speaks_ip(const Fd& socket) {
  const int domain = option_of(socket, SO_DOMAIN);
  return domain == AF_INET || domain == AF_INET6;
}

bool listens(const Fd& socket) {
  return option_of(socket, SO_PROTOCOL) == IPPROTO_TCP && option_of(socket, SO_ACCEPTCONN) == 1;
}

}  // namespace

Control::Control(EventLoop& loop, FdBudget& budget, const Guest& guest, Fd socket,
                 std::chrono::milliseconds udp_idle)
    : loop_(loop),
      budget_(budget),
      socket_(std::move(socket)),
      tcp_(loop, budget, guest),
      udp_(loop, budget, guest, udp_idle) {}

Result<void> Control::start() { return loop_.watch(socket_.get(), EPOLLIN, *this); }

void Control::on_events(std::uint32_t) {
  auto received = base::receive_fds(socket_.get(), sizeof(Request), kMostPorts);
  if (!received) {
    if (received.error().code() != EMSGSIZE) return loop_.stop();
    return answer(0, EMSGSIZE);
  }
  if (received->bytes.empty()) return loop_.stop();
  const auto request = decode<Request>(received->bytes);
  if (!request || request->sequence == 0) return answer(0, EPROTO);
  answer(request->sequence, carry_out(*request, received->fds));
}

int Control::carry_out(const Request& request, std::vector<Fd>& sockets) {
  switch (request.verb) {
    case Verb::kAdd:
      return add(request, sockets);
    case Verb::kRemove:
      remove(request.id, request.count);
      return 0;
  }
  return EPROTO;
}

int Control::add(const Request& request, std::vector<Fd>& sockets) {
  const bool ports_fit =
      request.guest_port != 0 && request.guest_port + request.count - 1 <= UINT16_MAX;
  const bool names_fit = request.id <= UINT32_MAX - kMostPorts;
  if (sockets.empty() || sockets.size() != request.count || !ports_fit || !names_fit) return EINVAL;
  const auto used = ports_.lower_bound(request.id);
  if (used != ports_.end() && used->first < request.id + request.count) return EEXIST;
  for (std::uint16_t i = 0; i < request.count; ++i) {
    const int error = add_one(request.id + i, static_cast<std::uint16_t>(request.guest_port + i),
                              std::move(sockets[i]));
    if (error == 0) continue;
    remove(request.id, i);
    return error;
  }
  return 0;
}

int Control::add_one(std::uint32_t id, std::uint16_t guest_port, Fd socket) {
  if (!speaks_ip(socket) || ::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) return EINVAL;
  if (!budget_.take(1)) return EMFILE;
  Result<void> started;
  std::unique_ptr<Port> made;
  if (listens(socket)) {
    auto port = std::make_unique<TcpPort>(loop_, budget_, tcp_, std::move(socket), guest_port);
    started = port->start();
    made = std::move(port);
  } else if (option_of(socket, SO_PROTOCOL) == IPPROTO_UDP) {
    auto port = std::make_unique<UdpPort>(udp_, std::move(socket), guest_port);
    started = port->start();
    made = std::move(port);
  } else {
    started = fail(EINVAL, "not a socket of a published port");
  }
  if (started) {
    ports_.emplace(id, std::move(made));
    return 0;
  }
  budget_.give_back(1, loop_);
  return started.error().code();
}

void Control::remove(std::uint32_t id, std::uint32_t count) {
  auto port = ports_.lower_bound(id);
  while (port != ports_.end() && port->first - id < count) {
    port->second->close();
    loop_.bury(std::move(port->second));
    port = ports_.erase(port);
    budget_.give_back(1, loop_);
  }
}

/// An owner that does not read its answers does not get them.
void Control::answer(std::uint32_t sequence, int error) {
  const std::string bytes = encode(Reply{kMagic, sequence, error});
  [[maybe_unused]] const auto sent =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace fcvm::forward
