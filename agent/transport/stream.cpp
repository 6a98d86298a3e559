// Reading and writing frames without waiting; see stream.hpp.
#include "agent/transport/stream.hpp"

#include <algorithm>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/transport/transport.hpp"
#include "core/wire/hello.hpp"

namespace fcvm::agent {

Stream::Stream(Loop& loop, base::Fd fd, std::size_t max_payload)
    : loop_(loop), fd_(std::move(fd)), in_(max_payload) {}

Stream::~Stream() {
  if (fd_) loop_.forget(fd_.get());
}

Result<void> Stream::start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  FCVM_TRY(base::set_nonblocking(fd_.get()));
  for (const int option : {SO_SNDBUF, SO_SNDBUFFORCE}) {
    ::setsockopt(fd_.get(), SOL_SOCKET, option, &kSocketBuffer, sizeof kSocketBuffer);
  }
  return loop_.watch(fd_.get(), EPOLLIN, [this](Loop::Events events) { on_events(events); });
}

void Stream::on_events(Loop::Events events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (fd_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_once();
}

void Stream::read_once() {
  const auto room = in_.prepare(kReadSize);
  const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return close();
  if (finishing_) return;  // a peer may go on talking; nobody listens
  in_.commit(static_cast<std::size_t>(got));
  take_frames();
}

void Stream::take_frames() {
  while (fd_ && !finishing_) {
    const auto frame = in_.next();
    if (!frame) return refuse(frame.error());
    if (!frame.value()) return;
    const auto handled = callbacks_.on_frame(**frame);
    if (!handled) return refuse(handled.error());
  }
}

// Where `size` more bytes fit behind what is queued. What was sent is dropped first; an emptied
// queue begins anew, so that a peer who keeps up costs no copy.
char* Stream::make_room(std::size_t size) {
  if (out_end_ + size > out_size_) {
    const std::size_t held = queued();
    if (held + size > out_size_) {
      out_size_ = std::max(held + size, 2 * out_size_);
      auto larger = std::make_unique_for_overwrite<char[]>(out_size_);
      if (held > 0) std::memcpy(larger.get(), out_.get() + out_begin_, held);
      out_ = std::move(larger);
    } else {
      std::memmove(out_.get(), out_.get() + out_begin_, held);
    }
    out_begin_ = 0;
    out_end_ = held;
  }
  return out_.get() + out_end_;
}

void Stream::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(make_room(bytes.size()), bytes.data(), bytes.size());
  out_end_ += bytes.size();
}

void Stream::send(std::string_view frames) {
  if (!fd_ || finishing_) return;
  append(frames);
  flush();
}

std::span<char> Stream::prepare_data(std::size_t size) {
  return {make_room(wire::kFrameHeaderSize + size) + wire::kFrameHeaderSize, size};
}

void Stream::commit_data(std::uint16_t type, std::size_t size) {
  if (size == 0) return;
  wire::put_frame_header(out_.get() + out_end_, type, size);
  out_end_ += wire::kFrameHeaderSize + size;
  flush();
}

// A peer that has gone may have said before that it would, so what it sent is read to its end.
void Stream::flush() {
  if (unheard_) out_begin_ = out_end_ = 0;
  while (fd_ && queued() > 0) {
    const ssize_t sent = send_some(fd_.get(), {out_.get() + out_begin_, queued()});
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) {
      unheard_ = true;
      out_begin_ = out_end_ = 0;
      break;
    }
    out_begin_ += static_cast<std::size_t>(sent);
  }
  update();
}

// After each attempt to write: reclaims the queue, asks for EPOLLOUT or not, tells the owner.
void Stream::update() {
  if (!fd_) return;
  if (queued() == 0) {
    out_begin_ = out_end_ = 0;
    // Closed only after the peer: with unread bytes of its, closing would look like a failure.
    if (finishing_) ::shutdown(fd_.get(), SHUT_WR);
  }
  loop_.change(fd_.get(), queued() > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
  const bool was_congested = std::exchange(was_congested_, congested());
  if (was_congested && !congested() && callbacks_.on_drained) callbacks_.on_drained();
}

void Stream::finish() {
  if (!fd_ || finishing_) return;
  finishing_ = true;
  flush();
}

void Stream::refuse(const Error& why) {
  if (!fd_ || finishing_) return;
  append(wire::encode(wire::Refusal{why.code(), why.message()}));
  finish();
}

Stream::Raw Stream::release() {
  loop_.forget(fd_.get());
  return {std::move(fd_), in_.take_rest(), std::string(out_.get() + out_begin_, queued())};
}

void Stream::close() {
  if (!fd_) return;
  loop_.forget(fd_.get());
  fd_ = base::Fd();
  if (callbacks_.on_closed) callbacks_.on_closed();
}

}  // namespace fcvm::agent
