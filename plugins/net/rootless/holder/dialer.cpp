// See dialer.hpp.
#include "plugins/net/rootless/holder/dialer.hpp"

#include <fcvm/net.h>

#include "core/base/io/socket_pair.hpp"

namespace fcvm::rootless {

namespace {

/// A hostile guest leaves connections hanging; who dials has to be bounded nevertheless.
constexpr std::size_t kMostDials = 1024;

void answer_with(const base::Fd& answer, int code) {
  const DialAnswer packet{code};
  (void)base::send_fds(answer.get(), packet_bytes(packet), {});
}

void hand_over(const base::Fd& answer, const base::Fd& socket) {
  // Whoever reads it expects to wait.
  const auto blocking = base::set_nonblocking(socket.get(), false);
  if (!blocking) return answer_with(answer, blocking.error().code());
  const int fds[] = {socket.get()};
  (void)base::send_fds(answer.get(), packet_bytes(DialAnswer{}), fds);
}

int pending_error(const base::Fd& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

void Dialer::begin(const DialRequest& request, base::Fd answer) {
  const bool tcp = request.protocol == FCVM_PROTO_TCP;
  if ((!tcp && request.protocol != FCVM_PROTO_UDP) || request.port == 0 || request.port > 65535) {
    return answer_with(answer, EINVAL);
  }
  if (dials_.size() >= kMostDials) return answer_with(answer, EAGAIN);
  const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  base::Fd socket(::socket(guest_.family, type, 0));
  if (!socket) return answer_with(answer, errno);
  sockaddr_storage address;
  const socklen_t length = guest_.to_sockaddr(static_cast<std::uint16_t>(request.port), address);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), raw, length) == 0) return hand_over(answer, socket);
  if (errno != EINPROGRESS) return answer_with(answer, errno);
  dials_.push_back({std::move(answer), std::move(socket), base::Deadline::at_ns(request.deadline)});
}

void Dialer::add_to(std::vector<pollfd>& polled) const {
  for (const Dial& dial : dials_) {
    polled.push_back({dial.socket.get(), POLLOUT, 0});
    polled.push_back({dial.answer.get(), 0, 0});  // POLLHUP: nobody waits for it any more
  }
}

base::Deadline Dialer::next_deadline() const {
  auto next = base::Deadline::never();
  for (const Dial& dial : dials_) next = base::Deadline::earlier(next, dial.deadline);
  return next;
}

void Dialer::after_poll(const pollfd* polled) {
  std::vector<Dial> waiting;
  for (Dial& dial : dials_) {
    const bool connected = polled[0].revents != 0;
    const bool abandoned = polled[1].revents != 0;
    polled += 2;
    if (abandoned) continue;
    if (connected) {
      const int error = pending_error(dial.socket);
      if (error == 0) {
        hand_over(dial.answer, dial.socket);
      } else {
        answer_with(dial.answer, error);
      }
    } else if (dial.deadline.expired()) {
      answer_with(dial.answer, ETIMEDOUT);
    } else {
      waiting.push_back(std::move(dial));
    }
  }
  dials_ = std::move(waiting);
}

}  // namespace fcvm::rootless
