// See mux_frame.hpp.
#include "core/wire/mux_frame.hpp"

#include <algorithm>
#include <cstring>

namespace fcvm::wire {

namespace {

void put_number(char* to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

std::uint64_t get_number(const char* from, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(from[i]);
  return value;
}

bool zero(const char* from, std::size_t bytes) { return get_number(from, bytes) == 0; }

}  // namespace

void put_mux_frame(char* to, MuxFrame frame) {
  put_number(to, 0, 1);
  put_number(to + 1, static_cast<std::uint8_t>(frame.type), 3);
  put_number(to + 4, frame.stream, 4);
  put_number(to + 8, frame.value, 4);
  put_number(to + 12, 0, 4);
}

std::optional<MuxFrame> get_mux_frame(const char* from) {
  if (!zero(from, 1) || !zero(from + 2, 2) || !zero(from + 12, 4)) return {};
  const auto type = static_cast<unsigned char>(from[1]);
  if (type > static_cast<unsigned char>(MuxFrameType::kReset)) return {};
  return MuxFrame{static_cast<MuxFrameType>(type),
                  static_cast<std::uint32_t>(get_number(from + 4, 4)),
                  static_cast<std::uint32_t>(get_number(from + 8, 4))};
}

void put_mux_hello(char* to, MuxHello hello) {
  std::memcpy(to, kMuxMagic, sizeof kMuxMagic);
  char* body = to + sizeof kMuxMagic;
  put_number(body, static_cast<std::uint8_t>(hello.kind), 1);
  put_number(body + 1, hello.version, 3);
  put_number(body + 4, hello.nonce, 8);
  put_number(body + 12, 0, 4);
}

std::optional<MuxHello> get_mux_hello(const char* body) {
  const auto kind = static_cast<unsigned char>(body[0]);
  const auto version = static_cast<std::uint8_t>(body[1]);
  if (kind < 1 || kind > 3 || version == 0 || !zero(body + 2, 2) || !zero(body + 12, 4)) return {};
  return MuxHello{static_cast<MuxHelloKind>(kind), version, get_number(body + 4, 8)};
}

std::size_t find_mux_magic(std::span<const char> bytes) {
  const void* whole = ::memmem(bytes.data(), bytes.size(), kMuxMagic, sizeof kMuxMagic);
  if (whole != nullptr)
    return static_cast<std::size_t>(static_cast<const char*>(whole) - bytes.data());
  const std::size_t tail = std::min(bytes.size(), sizeof kMuxMagic - 1);
  for (std::size_t at = bytes.size() - tail; at < bytes.size(); ++at) {
    if (std::memcmp(bytes.data() + at, kMuxMagic, bytes.size() - at) == 0) return at;
  }
  return bytes.size();
}

}  // namespace fcvm::wire
