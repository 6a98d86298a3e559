// See connection.hpp.
#include "core/api/http/connection.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

#include "core/base/io/poll.hpp"

namespace fcvm::api::http {
namespace {

constexpr std::size_t kReadSize = 64 << 10;

}  // namespace

void Connection::consume(std::size_t size) {
  begin_ += size;
  if (begin_ < received_.size()) return;
  received_.clear();
  begin_ = 0;
}

Result<bool> Connection::read_now() {
  std::array<char, kReadSize> bytes;
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("reading a request");
    received_.erase(0, begin_);
    begin_ = 0;
    received_.append(bytes.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
}

Result<bool> Connection::read(base::Deadline deadline) {
  FCVM_TRY(base::wait_readable(socket_.get(), deadline) | context("reading a request"));
  return read_now();
}

Result<void> Connection::write(std::string_view bytes, base::Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail_errno("answering a client");
    FCVM_TRY(base::wait_writable(socket_.get(), deadline) | context("answering a client"));
  }
  return {};
}

bool Connection::peer_has_gone() const {
  // Its end shows whatever it has sent before, which nobody may have read.
  pollfd asked{socket_.get(), POLLRDHUP, 0};
  return ::poll(&asked, 1, 0) > 0;
}

}  // namespace fcvm::api::http
