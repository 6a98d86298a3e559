// See message_reader.hpp.
#include "fusepipe/stream/message_reader.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>

#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

namespace {

constexpr std::size_t kMaxParts = 8;

}  // namespace

MessageReader::MessageReader(int stream, std::size_t smallest)
    : stream_(stream),
      smallest_(smallest),
      // Not zeroed: the kernel gives pages to what is used of it alone.
      buffer_(new std::byte[kMaxMessage]) {}

std::size_t MessageReader::length_in_front() const {
  std::uint32_t length = 0;
  if (end_ - begin_ < smallest_) return 0;
  std::memcpy(&length, buffer_.get() + begin_, sizeof length);
  return length;
}

bool MessageReader::has_message() const {
  const std::size_t length = length_in_front();
  return length != 0 && end_ - begin_ >= length;
}

Result<bool> MessageReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  for (;;) {
    const ssize_t got = ::recv(stream_, buffer_.get() + end_, kMaxMessage - end_, 0);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return true;
    }
    if (got == 0) return false;
    if (errno != EINTR) return fail_errno("reading the stream");
  }
}

Result<std::span<const std::byte>> MessageReader::next() {
  if (begin_ == end_) begin_ = end_ = 0;
  while (!has_message()) {
    if (end_ - begin_ >= smallest_) {
      const std::size_t length = length_in_front();
      if (length < smallest_ || length > kMaxMessage) {
        return fail(EPROTO,
                    "a message of the stream cannot be " + std::to_string(length) + " bytes long");
      }
    }
    if (FCVM_TRY(fill())) continue;
    if (begin_ == end_) return std::span<const std::byte>();
    return fail(ENODATA, "the stream ended within a message");
  }
  const std::size_t length = length_in_front();
  if (length < smallest_) return fail(EPROTO, "a message of the stream is too short");
  const std::span message(buffer_.get() + begin_, length);
  begin_ += length;
  return std::span<const std::byte>(message);
}

Result<void> send_message(int stream, std::span<const iovec> parts) {
  std::array<iovec, kMaxParts> rest{};
  if (parts.size() > rest.size()) return fail(EINVAL, "sending a message of too many parts");
  std::copy(parts.begin(), parts.end(), rest.begin());
  msghdr header{};
  header.msg_iov = rest.data();
  header.msg_iovlen = parts.size();
  while (header.msg_iovlen > 0) {
    const ssize_t sent = ::sendmsg(stream, &header, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail_errno("writing the stream");
    auto left = static_cast<std::size_t>(sent);
    while (header.msg_iovlen > 0 && left >= header.msg_iov->iov_len) {
      left -= header.msg_iov->iov_len;
      ++header.msg_iov;
      --header.msg_iovlen;
    }
    if (header.msg_iovlen == 0) break;
    header.msg_iov->iov_base = static_cast<char*>(header.msg_iov->iov_base) + left;
    header.msg_iov->iov_len -= left;
  }
  return {};
}

Result<void> send_message(int stream, std::span<const std::byte> message) {
  const iovec part{const_cast<std::byte*>(message.data()), message.size()};
  return send_message(stream, std::span(&part, 1));
}

}  // namespace fcvm::fusepipe
