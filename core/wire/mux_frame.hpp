// The bytes of the multiplexer: how its frames and its hello look on the port. Owns nothing.
//
// A frame is a header of 16 bytes (0, type, 0, 0, stream, value, 0; little-endian), followed by
// `value` bytes when it is data. A hello is the magic, then 16 bytes (kind, version, 0, 0, nonce,
// 0).
//
// The magic is in no other place of what a Mux sends: a header begins and ends with a zero byte, of
// which the magic has none, and payload that holds the magic is cut into two frames in the middle
// of it. So whoever reads may take each magic for the start of a session, in the middle of a frame
// too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace fcvm::wire {

inline constexpr std::size_t kMuxHeaderSize = 16;
inline constexpr std::size_t kMuxMaxData = 64 * 1024;
inline constexpr std::uint8_t kMuxVersion = 1;

/// Its first byte occurs nowhere else in it, so a mismatch never hides the beginning of another.
inline constexpr char kMuxMagic[16] = {
    '\xf5', 'f', 'c', 'v',    'm',    '-',    'm',    'u',
    'x',    '/', '1', '\xe1', '\x93', '\xb7', '\xca', '\x8d',
};

enum class MuxFrameType : std::uint8_t {
  kNothing = 0,
  kOpen = 1,  // value: the port
  kAccept = 2,
  kRefuse = 3,
  kData = 4,    // value: how many bytes follow
  kCredit = 5,  // value: how many bytes more may be sent
  kEof = 6,
  kReset = 7,
};

struct MuxFrame {
  MuxFrameType type;
  std::uint32_t stream;
  std::uint32_t value;
};

void put_mux_frame(char* to, MuxFrame frame);
/// Nothing, when no Mux writes such a header.
std::optional<MuxFrame> get_mux_frame(const char* from);

enum class MuxHelloKind : std::uint8_t {
  kHello = 1,    // host: a session with this nonce begins here
  kWelcome = 2,  // guest: it has begun here, for the other direction
  kGreeting = 3  // guest: I have no session, begin one
};

struct MuxHello {
  MuxHelloKind kind;
  std::uint8_t version;
  std::uint64_t nonce;
};

inline constexpr std::size_t kMuxHelloBody = 16;
inline constexpr std::size_t kMuxHelloSize = sizeof kMuxMagic + kMuxHelloBody;

void put_mux_hello(char* to, MuxHello hello);
/// Reads what follows the magic.
std::optional<MuxHello> get_mux_hello(const char* body);

/// Where the magic, or a beginning of it that reaches to the end of `bytes`, is; else bytes.size().
std::size_t find_mux_magic(std::span<const char> bytes);

}  // namespace fcvm::wire
