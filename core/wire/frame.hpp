// Frames over a stream of bytes, as every protocol of this folder uses them.
//
//   u32 length of what follows | u16 type | u16 zero | payload        (little-endian)
//
// FrameBuffer owns the bytes that came and were not taken yet. It hands out views, not copies: a
// stream of output passes through here at memory speed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::wire {

constexpr std::size_t kFrameHeaderSize = 8;

struct Frame {
  std::uint16_t type;
  std::string_view payload;
};

/// Writes the eight bytes of the header at `to`.
void put_frame_header(char* to, std::uint16_t type, std::size_t payload_size);
void append_frame(std::string& out, std::uint16_t type, std::string_view payload);

void put_u64(char* to, std::uint64_t value);
std::uint64_t get_u64(const char* from);

class FrameBuffer {
 public:
  /// `max_payload` is the largest frame that this peer may send.
  explicit FrameBuffer(std::size_t max_payload) : max_payload_(max_payload) {}

  /// After a greeting, for which less was allowed.
  void set_max_payload(std::size_t max_payload) { max_payload_ = max_payload; }

  /// Room to read into; what was read counts after commit(). Ends the views handed out before.
  [[nodiscard]] std::span<char> prepare(std::size_t size);
  void commit(std::size_t size);
  void append(std::string_view bytes);

  /// The oldest complete frame, or nothing yet; its payload lives until the next prepare(),
  /// append() or next(). Fails at the header of a frame that is too large (EMSGSIZE) or malformed
  /// (EPROTO), and then always: the stream is lost.
  Result<std::optional<Frame>> next();

  /// Takes everything not handed out yet, where a protocol goes over to raw bytes.
  [[nodiscard]] std::string take_rest();

 private:
  std::size_t max_payload_;
  std::string bytes_;
  std::size_t begin_ = 0;  // of what was not handed out
  std::size_t end_ = 0;    // of what was read
};

}  // namespace fcvm::wire
