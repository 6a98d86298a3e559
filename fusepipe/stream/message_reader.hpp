// MessageReader: cuts a stream into the kernel's messages, each of which begins with its length.
// Owns the bytes that came and were not taken yet, at most one message and a little of the next;
// borrows the stream.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <sys/uio.h>

#include <fcvm/result.hpp>

namespace fcvm::fusepipe {

class MessageReader {
 public:
  /// A message is at least `smallest` bytes long: its header.
  MessageReader(int stream, std::size_t smallest);

  /// Waits for the next message, which is valid until the next call. Empty at the end of the
  /// stream; EPROTO when a length cannot be one, ENODATA when the stream ends within a message.
  Result<std::span<const std::byte>> next();
  /// Whether next() has one without waiting.
  [[nodiscard]] bool has_message() const;

 private:
  [[nodiscard]] std::size_t length_in_front() const;
  Result<bool> fill();

  int stream_;
  std::size_t smallest_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Sends all of it, however the socket takes it; EPIPE without a signal.
Result<void> send_message(int stream, std::span<const iovec> parts);
Result<void> send_message(int stream, std::span<const std::byte> message);

}  // namespace fcvm::fusepipe
