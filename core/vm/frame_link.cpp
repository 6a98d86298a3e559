// See frame_link.hpp.
#include "core/vm/frame_link.hpp"

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

void FrameLink::send_raw(std::uint16_t type, std::string_view payload) {
  wire::append_frame(waiting_, type, payload);
}

Result<void> FrameLink::flush() {
  while (queued() > 0) {
    const ssize_t count =
        ::send(socket_.get(), waiting_.data() + sent_, queued(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) sent_ += static_cast<std::size_t>(count);
    if (count < 0 && errno == EAGAIN) return {};
    if (count < 0 && errno != EINTR) {
      auto failure = fail_errno("writing to the peer");
      waiting_.clear();  // for nobody
      sent_ = 0;
      return failure;
    }
  }
  waiting_.clear();
  sent_ = 0;
  return {};
}

}  // namespace fcvm::vm
