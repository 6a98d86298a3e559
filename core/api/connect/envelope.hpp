// The frames of Connect's streams, and base64. Own nothing but what was read.
//
//   u8 flags | u32 length, big-endian | message, JSON           flags 1: compressed, 2: the last
//   one
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::api::connect {

inline constexpr std::uint8_t kCompressed = 1;
inline constexpr std::uint8_t kLast = 2;
inline constexpr std::size_t kEnvelopeHeaderSize = 5;
inline constexpr std::size_t kMostMessage = 4 << 20;

void append_envelope(std::string& out, std::uint8_t flags, std::string_view message);

/// What a client sends, in pieces of any size.
class EnvelopeReader {
 public:
  struct Envelope {
    std::uint8_t flags = 0;
    std::string message;
  };

  void append(std::string_view bytes) { bytes_ += bytes; }
  /// The next one that is here as a whole. EFBIG for a message above kMostMessage, ENOTSUP for one
  /// that is compressed; the stream is lost then.
  [[nodiscard]] Result<std::optional<Envelope>> next();
  /// Whether nothing is left of an envelope that was begun.
  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

 private:
  std::string bytes_;
};

[[nodiscard]] std::string base64(std::string_view bytes);
/// With or without padding, in either alphabet, as protobuf's JSON has it.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace fcvm::api::connect
