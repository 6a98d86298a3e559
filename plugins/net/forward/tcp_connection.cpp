// See tcp_connection.hpp.
#include "plugins/net/forward/tcp_connection.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace fcvm::forward {

namespace {

constexpr std::uint32_t kEverything = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
/// After so much, the others have their turn.
constexpr std::size_t kTurn = 2 << 20;
constexpr unsigned kSplice = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

int error_of(int socket) {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

TcpConnection::TcpConnection(EventLoop& loop, PipePool& pipes, const Guest& guest, TcpOwner& owner,
                             std::uint16_t guest_port)
    : loop_(loop), pipes_(pipes), guest_(guest), owner_(owner), guest_port_(guest_port) {}

void TcpConnection::start(Fd client) {
  client_.socket = std::move(client);
  send_at_once(client_.socket.get());
  if (!loop_.watch(client_.socket.get(), kEverything, client_)) return reset();
  dial_next();
}

/// Tries the guest's next address, if there is one.
void TcpConnection::dial_next() {
  while (next_address_ < guest_.address_count()) {
    auto dialled = guest_.dial_tcp(next_address_++, guest_port_);
    if (!dialled) continue;
    server_.socket = *std::move(dialled);
    if (!loop_.watch(server_.socket.get(), kEverything, server_)) break;
    return;
  }
  reset();
}

void TcpConnection::on_side(Side& side, std::uint32_t events) {
  if (closed_) return;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) side.readable = true;
  if ((events & EPOLLOUT) != 0) side.writable = true;
  if (!connected_ && &side == &server_) return on_dialled();
  if (!connected_) {
    if ((events & EPOLLERR) != 0) reset();  // the client did not wait
    return;
  }
  pump_both();
  // What had come before the reset was forwarded, and then the reading failed with it. Where
  // nothing more was to be read, nobody has noticed yet.
  Flow& from_side = &side == &client_ ? to_guest_ : to_client_;
  if (!closed_ && (events & EPOLLERR) != 0 && from_side.source_ended) reset();
}

void TcpConnection::on_dialled() {
  if (!server_.readable && !server_.writable) return;
  if (error_of(server_.socket.get()) == 0) {
    connected_ = true;
    return pump_both();
  }
  server_.socket.reset();
  server_.readable = server_.writable = false;
  dial_next();
}

void TcpConnection::resume() {
  waits_for_turn_ = false;
  if (!closed_) pump_both();
}

void TcpConnection::pump_both() {
  pump(to_guest_);
  if (!closed_) pump(to_client_);
  if (!closed_ && to_guest_.done && to_client_.done) close();
}

void TcpConnection::pump(Flow& flow) {
  std::size_t moved = 0;
  while (!flow.done) {
    const Step filled = flow.held == 0 ? fill(flow) : Step::kMoved;
    if (filled == Step::kFailed) return reset();
    if (filled == Step::kBlocked) return;
    if (flow.held == 0) {
      ::shutdown(flow.to.socket.get(), SHUT_WR);
      flow.done = true;
      return;
    }
    moved += flow.held;
    const Step drained = drain(flow);
    if (drained == Step::kFailed) return reset();
    if (drained == Step::kBlocked) return;
    if (moved >= kTurn) {
      if (!waits_for_turn_) loop_.again(*this);
      waits_for_turn_ = true;
      return;
    }
  }
}

/// Moves what has come into the flow's pipe. kMoved with nothing held is the end of the source.
TcpConnection::Step TcpConnection::fill(Flow& flow) {
  if (flow.source_ended) return Step::kMoved;
  if (!flow.from.readable) return Step::kBlocked;
  auto pipe = pipes_.take();
  if (!pipe) return Step::kFailed;
  for (;;) {
    const ssize_t count = ::splice(flow.from.socket.get(), nullptr, pipe->ends.write_end.get(),
                                   nullptr, PipePool::kLargeSize, kSplice);
    if (count > 0) {
      flow.held = static_cast<std::size_t>(count);
      flow.pipe = *std::move(pipe);
      return Step::kMoved;
    }
    if (count < 0 && errno == EINTR) continue;
    const bool blocked = count < 0 && errno == EAGAIN;
    pipes_.give_back(*std::move(pipe));
    if (blocked) flow.from.readable = false;
    if (count == 0) flow.source_ended = true;
    if (count == 0) return Step::kMoved;
    return blocked ? Step::kBlocked : Step::kFailed;
  }
}

/// Moves the pipe's content on. kMoved when it is empty, and given back.
TcpConnection::Step TcpConnection::drain(Flow& flow) {
  while (flow.held > 0) {
    if (!flow.to.writable) return Step::kBlocked;
    const ssize_t count = ::splice(flow.pipe->ends.read_end.get(), nullptr, flow.to.socket.get(),
                                   nullptr, flow.held, kSplice);
    if (count > 0) {
      flow.held -= static_cast<std::size_t>(count);
    } else if (count < 0 && errno == EAGAIN) {
      flow.to.writable = false;
    } else if (count == 0 || errno != EINTR) {
      return Step::kFailed;
    }
  }
  pipes_.give_back(*std::move(flow.pipe));
  flow.pipe.reset();
  return Step::kMoved;
}

/// Closing with a linger time of 0 sends RST: whatever the other side believes, it ends now.
void TcpConnection::reset() {
  const linger at_once{1, 0};
  for (const Side* side : {&client_, &server_}) {
    if (!side->socket) continue;
    ::setsockopt(side->socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  close();
}

void TcpConnection::close() {
  closed_ = true;
  client_.socket.reset();
  server_.socket.reset();
  let_go(to_guest_);
  let_go(to_client_);
  owner_.on_closed(*this);
}

/// A pipe that still holds something must not reach another connection.
void TcpConnection::let_go(Flow& flow) {
  if (flow.pipe) pipes_.discard(*std::move(flow.pipe));
  flow.pipe.reset();
}

}  // namespace fcvm::forward
