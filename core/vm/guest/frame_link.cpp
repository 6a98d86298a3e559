// See frame_link.hpp.
#include "core/vm/guest/frame_link.hpp"

#include <sys/socket.h>

namespace fcvm::vm {
namespace {

constexpr std::size_t kReadSize = 256 << 10;

}  // namespace

Result<bool> FrameLink::read() {
  for (;;) {
    const auto room = received_.prepare(kReadSize);
    const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) received_.commit(static_cast<std::size_t>(got));
    if (got >= 0) return got > 0;
    if (errno == EAGAIN) return true;
    if (errno == ECONNRESET) return false;
    if (errno != EINTR) return fail_errno("reading from the peer");
  }
}

/// False when no more may wait. What was sent already is dropped first, now and then, so that a
/// peer who reads a little at a time does not make the queue grow either.
bool FrameLink::make_room(std::size_t size) {
  if (queued() + size > kMostQueued) overflown_ = true;
  if (overflown_) return false;
  if (sent_ > kReadSize) {
    waiting_.erase(0, sent_);
    sent_ = 0;
  }
  return true;
}

void FrameLink::send_raw(std::uint16_t type, std::string_view payload) {
  if (!make_room(wire::kFrameHeaderSize + payload.size())) return;
  wire::append_frame(waiting_, type, payload);
}

void FrameLink::send_bytes(std::string_view frames) {
  if (make_room(frames.size())) waiting_.append(frames);
}

Result<void> FrameLink::send_some(std::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    if (count < 0 && errno == EAGAIN) return {};
    if (count < 0 && errno != EINTR) return fail_errno("writing to the peer");
  }
  return {};
}

Result<void> FrameLink::flush() {
  if (overflown_) return fail(ENOBUFS, "the peer does not take what it is sent");
  std::string_view rest = std::string_view(waiting_).substr(sent_);
  auto sent = send_some(rest);
  sent_ = waiting_.size() - rest.size();
  // After a failure nobody is there to take the rest.
  if (rest.empty() || !sent) {
    waiting_.clear();
    sent_ = 0;
  }
  return sent;
}

}  // namespace fcvm::vm
