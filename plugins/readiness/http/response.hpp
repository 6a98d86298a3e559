// A response of HTTP/1, as far as a gate needs it: its status, and its body, which goes through in
// pieces and is kept nowhere. The server is the guest's, and may send anything.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::readiness {

class Response {
 public:
  /// Bounds of what a server may send.
  static constexpr std::size_t kMostHead = 32 << 10;
  static constexpr std::uint64_t kMostBody = 1 << 20;

  /// Called with each piece of the body.
  explicit Response(std::function<void(std::string_view)> on_body) : on_body_(std::move(on_body)) {}

  /// EPROTO: what came is no HTTP. EMSGSIZE: too much of it.
  Result<void> feed(std::string_view bytes);
  /// The connection ended: an error where something is missing.
  Result<void> finish();

  /// Once the head has come.
  [[nodiscard]] std::optional<int> status() const { return status_; }
  /// The body has come, whole.
  [[nodiscard]] bool complete() const { return part_ == Part::kDone; }

 private:
  enum class Part { kHead, kBody, kChunkSize, kChunk, kChunkEnd, kTrailer, kDone };

  Result<void> take_line(std::string line);
  Result<void> take_status(std::string_view line);
  Result<void> take_field(std::string_view line);
  Result<void> take_chunk_size(std::string_view line);
  void head_ends();
  Result<std::size_t> take_body(std::string_view bytes);

  std::function<void(std::string_view)> on_body_;
  Part part_ = Part::kHead;
  std::optional<int> status_;
  bool interim_ = false;  // 100 Continue and the like: another head follows
  bool chunked_ = false;
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;  // of the body or of a chunk
  std::uint64_t head_bytes_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::string line_;
};

}  // namespace fcvm::readiness
