// See forward_session.hpp.
#include "agent/session/forward_session.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/transport/transport.hpp"

namespace fcvm::agent {
namespace {

int connect_loopback(int socket, int family, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  return family == AF_INET ? ::connect(socket, reinterpret_cast<sockaddr*>(&v4), sizeof v4)
                           : ::connect(socket, reinterpret_cast<sockaddr*>(&v6), sizeof v6);
}

}  // namespace

ForwardSession::ForwardSession(Loop& loop, base::Fd socket)
    : loop_(loop),
      stream_(std::make_unique<Stream>(loop, std::move(socket), wire::kMaxForwardHeader)) {}

ForwardSession::~ForwardSession() {
  if (target_watched_) loop_.forget(target_.get());
  for (const End& end : ends_) {
    if (end.watched) loop_.forget(end.socket.get());
  }
}

Result<void> ForwardSession::start(std::function<void()> on_over) {
  on_over_ = std::move(on_over);
  FCVM_TRY(stream_->start(
      {[this](const wire::Frame& frame) { return on_frame(frame); }, [this] { over(); }, {}}));
  greeting_.say(*stream_);
  return {};
}

Result<void> ForwardSession::on_frame(const wire::Frame& frame) {
  if (FCVM_TRY(greeting_.take(frame))) return {};
  const auto request = FCVM_TRY(wire::decode<wire::ForwardRequest>(frame));
  if (request.port == 0) return fail(EINVAL, "forward: port 0");
  port_ = request.port;
  // The rest of what came is the application's: from here on nothing may cut it into frames.
  const auto raw = std::make_shared<Stream::Raw>(stream_->release());
  ends_[0].socket = std::move(raw->fd);
  ends_[0].queue = std::move(raw->unsent);
  ends_[1].queue = std::move(raw->received);
  loop_.soon([stream = std::shared_ptr<Stream>(std::move(stream_))] {});
  if (!connect(port_, AF_INET)) over();
  return {};
}

Result<void> ForwardSession::connect(std::uint16_t port, int family) {
  family_ = family;
  target_ = base::Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!target_) {
    refuse(errno);
    return {};
  }
  const int rc = connect_loopback(target_.get(), family, port);
  if (rc == 0 || errno == EINPROGRESS) {
    target_watched_ = true;
    return loop_.watch(target_.get(), EPOLLOUT, [this](Loop::Events) { on_connected(); });
  }
  refuse(errno);
  return {};
}

// A server may listen on one of the two loopback addresses only.
void ForwardSession::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(target_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  loop_.forget(target_.get());
  target_watched_ = false;
  if (error == ECONNREFUSED && family_ == AF_INET && connect(port_, AF_INET6)) return;
  if (error != 0) return refuse(error);
  ends_[1].socket = std::move(target_);
  reply(0, "");
}

// Where IPv6 is switched off, the reason is that of the address before.
void ForwardSession::refuse(int error) {
  const bool off = family_ == AF_INET6 && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT);
  const int why = off ? ECONNREFUSED : error;
  reply(why,
        "connecting to port " + std::to_string(port_) + " in the guest: " + std::strerror(why));
}

void ForwardSession::reply(int code, const std::string& message) {
  ends_[0].queue.append(wire::encode(wire::ForwardReply{code, message}));
  if (code != 0) {
    ends_[1].read_over = ends_[1].write_over = true;
    ends_[1].queue.clear();
  }
  on_events(0);
}

void ForwardSession::on_events(std::size_t index) {
  End& one = ends_[index];
  End& other = ends_[1 - index];
  if (!read(one, other) || !write(one, other) || !read(other, one) || !write(other, one)) {
    return over();
  }
  if (ends_[0].write_over && ends_[1].write_over) return over();
  watch(0);
  watch(1);
}

// False when the connection broke.
bool ForwardSession::read(End& from, End& to) {
  char buffer[64 << 10];
  while (from.socket && !from.read_over && to.queue.size() < kMostQueued) {
    const ssize_t got = ::recv(from.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) from.read_over = true;
    if (!to.write_over) to.queue.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

bool ForwardSession::write(End& to, const End& from) {
  std::size_t done = 0;
  while (to.socket && done < to.queue.size()) {
    const ssize_t sent = send_some(to.socket.get(), std::string_view(to.queue).substr(done));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (sent <= 0) break;
    done += static_cast<std::size_t>(sent);
  }
  to.queue.erase(0, done);
  if (to.socket && to.queue.empty() && from.read_over && !std::exchange(to.write_over, true)) {
    ::shutdown(to.socket.get(), SHUT_WR);
  }
  return true;
}

void ForwardSession::watch(std::size_t index) {
  End& end = ends_[index];
  if (!end.socket) return;
  const bool reads = !end.read_over && ends_[1 - index].queue.size() < kMostQueued;
  const Loop::Events wanted = (reads ? EPOLLIN : 0U) | (end.queue.empty() ? 0U : EPOLLOUT);
  if (wanted == 0) {
    if (std::exchange(end.watched, false)) loop_.forget(end.socket.get());
  } else if (std::exchange(end.watched, true)) {
    loop_.change(end.socket.get(), wanted);
  } else if (!loop_.watch(end.socket.get(), wanted,
                          [this, index](Loop::Events) { on_events(index); })) {
    over();
  }
}

void ForwardSession::over() {
  if (const auto on_over = std::exchange(on_over_, nullptr)) on_over();
}

}  // namespace fcvm::agent
