// What a net plugin and its fcvm-forward say to each other over a SOCK_SEQPACKET pair: the kernel
// keeps the messages apart and bounds them. Both are of one build, so there are no versions; kMagic
// refuses what is not meant for this.
//
// Owns nothing.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace fcvm::forward {

constexpr std::uint32_t kMagic = 0x66776431;  // "fwd1"

/// fcvm-forward finds its end of the pair there.
constexpr int kControlFd = 3;

/// Of one message: SCM_RIGHTS takes up to 253.
constexpr std::uint16_t kMostPorts = 250;

enum class Verb : std::uint32_t {
  kAdd = 1,  // with `count` sockets: the first is named `id` and leads to `guest_port`, and so on
  kRemove = 2,  // those of the `count` ports from `id` on that there are
};

struct Request {
  std::uint32_t magic = kMagic;
  std::uint32_t sequence = 0;  // not 0; the reply has the same
  Verb verb{};
  std::uint32_t id = 0;
  std::uint16_t guest_port = 0;
  std::uint16_t count = 0;
};

struct Reply {
  std::uint32_t magic = kMagic;
  std::uint32_t sequence = 0;  // 0: the request could not be read
  std::int32_t error = 0;      // an errno value; then nothing was changed
};

template <typename Message>
std::string encode(const Message& message) {
  static_assert(std::is_trivially_copyable_v<Message>);
  return std::string(reinterpret_cast<const char*>(&message), sizeof message);
}

template <typename Message>
std::optional<Message> decode(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<Message>);
  Message message;
  if (bytes.size() != sizeof message) return std::nullopt;
  std::memcpy(&message, bytes.data(), sizeof message);
  if (message.magic != kMagic) return std::nullopt;
  return message;
}

}  // namespace fcvm::forward
