// ResponseParser: one HTTP/1.1 response, from bytes that come cut anywhere.
//
// Owns what it has read so far and no descriptor. The peer is Firecracker, which a guest may have
// taken over: whatever is not plainly a response is refused, and nothing grows without bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::firecracker {

struct Response {
  int status = 0;
  std::string body;
  bool keep_alive = true;
};

class ResponseParser {
 public:
  static constexpr std::size_t kMaxHead = 16 * 1024;  // status line and headers, and any one line
  static constexpr std::size_t kMaxBody = 4 * 1024 * 1024;

  /// Takes bytes; fails with EPROTO or EMSGSIZE, after which the connection is worth nothing. What
  /// comes after the response is refused: nothing was asked for it.
  Result<void> feed(std::string_view bytes);
  [[nodiscard]] bool done() const { return state_ == State::kDone; }
  /// Nothing came yet: the peer may close without breaking anything off.
  [[nodiscard]] bool untouched() const { return untouched_; }
  /// Once done.
  [[nodiscard]] Response take() { return std::move(response_); }

 private:
  enum class State {
    kStatus,
    kHeaders,
    kBody,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kDone
  };

  Result<void> take_line(std::string_view line);
  Result<void> take_status(std::string_view line);
  Result<void> take_header(std::string_view line);
  Result<void> take_length(std::string_view value);
  Result<void> take_chunk_size(std::string_view line);
  Result<void> end_headers();
  std::size_t take_body(std::string_view bytes);
  [[nodiscard]] bool in_line() const;

  State state_ = State::kStatus;
  bool untouched_ = true;
  std::string line_;
  std::size_t head_ = 0;  // bytes of head and trailers so far
  bool chunked_ = false;
  bool has_length_ = false;
  std::size_t length_ = 0;  // of the body, or of what is left of the chunk
  Response response_;
};

}  // namespace fcvm::firecracker
