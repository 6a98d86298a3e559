// See envelope.hpp.
#include "core/api/connect/envelope.hpp"

#include <fmt/core.h>

namespace fcvm::api::connect {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int value_of(char c) {
  if (c == '-') c = '+';
  if (c == '_') c = '/';
  const auto at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

void append_envelope(std::string& out, std::uint8_t flags, std::string_view message) {
  out += static_cast<char>(flags);
  const auto size = static_cast<std::uint32_t>(message.size());
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xff);
  out += message;
}

Result<std::optional<EnvelopeReader::Envelope>> EnvelopeReader::next() {
  if (bytes_.size() < kEnvelopeHeaderSize) return std::optional<Envelope>();
  const auto flags = static_cast<std::uint8_t>(bytes_[0]);
  std::size_t size = 0;
  for (std::size_t i = 1; i < kEnvelopeHeaderSize; ++i) {
    size = size << 8 | static_cast<unsigned char>(bytes_[i]);
  }
  if ((flags & kCompressed) != 0) {
    return fail(ENOTSUP, "a message is compressed, and no compression was agreed on");
  }
  if (size > kMostMessage) {
    return fail(EFBIG, fmt::format("a message has {} bytes, of at most {}", size, kMostMessage));
  }
  if (bytes_.size() < kEnvelopeHeaderSize + size) return std::optional<Envelope>();
  Envelope envelope{flags, bytes_.substr(kEnvelopeHeaderSize, size)};
  bytes_.erase(0, kEnvelopeHeaderSize + size);
  return std::optional(std::move(envelope));
}

std::string base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < here ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= here ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = value_of(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

}  // namespace fcvm::api::connect
