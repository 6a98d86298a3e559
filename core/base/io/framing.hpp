// Frames over a stream of bytes: a length (32 bits, little-endian), then as many bytes.
//
// FrameReader owns the bytes that came and were not taken yet. It holds no descriptor, so it works
// over a socket, a vsock, a test's string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::base {

constexpr std::size_t kFrameHeaderSize = 4;

/// Fails with EMSGSIZE when the payload is larger than the peer's limit.
Result<std::string> encode_frame(std::string_view payload, std::size_t max_size = UINT32_MAX);

class FrameReader {
 public:
  explicit FrameReader(std::size_t max_size) : max_size_(max_size) {}

  /// Takes bytes as they come, cut anywhere. Fails with EMSGSIZE at the header of a frame larger
  /// than the limit, before any memory is set aside for it; the stream is then lost and every later
  /// append fails too. Frames that were complete before can still be popped.
  Result<void> append(std::string_view bytes);

  /// The oldest complete frame, or nothing yet.
  std::optional<std::string> pop();

 private:
  Result<void> finish_header();
  void finish_frame();

  std::size_t max_size_;
  unsigned char header_[kFrameHeaderSize] = {};
  std::size_t header_size_ = 0;
  std::size_t wanted_ = 0;  // bytes of the frame, once the header is complete
  bool lost_ = false;
  std::string partial_;
  std::deque<std::string> complete_;
};

}  // namespace fcvm::base
