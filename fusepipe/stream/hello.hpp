// The hello with which each stream begins. The mounting side speaks first, whoever dialed.
//
// INIT travels in it, so every stream begins with the kernel's abilities and the server's answer to
// them, and a stream to a server that was started anew needs nothing more.
#pragma once

#include <array>
#include <cstdint>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

/// A random name: of a mount, which all its streams give, or of a server's run.
using Token = std::array<std::uint8_t, 16>;
[[nodiscard]] Result<Token> random_token();

enum class Role : std::uint32_t {
  kQueue = 0,          // requests, and answers to them
  kNotifications = 1,  // what the server tells without being asked
};

struct HelloRequest {
  std::uint64_t magic;
  std::uint32_t version;
  Role role;
  Token mount;
  std::uint32_t queue;  // its number, which a stream keeps that replaces a broken one
  std::uint32_t padding;
  fuse_init_in init;  // of the kernel
};

struct HelloReply {
  std::uint64_t magic;
  std::uint32_t version;
  std::int32_t error;  // an errno: the server will not have this stream
  Token server;
  std::uint64_t received;  // messages of this queue that came whole, on all its streams together
  fuse_init_out init;
};

constexpr std::uint64_t kHelloMagic = 0x45504950'45535546;  // "FUSEPIPE"
constexpr std::uint32_t kHelloVersion = 1;
/// A mount may have as many queues.
constexpr std::uint32_t kMaxQueues = 64;

/// `deadline` is for all of it. EPROTO when the peer speaks something else; the server's own error
/// when it declines.
Result<HelloReply> greet(int stream, HelloRequest hello, base::Deadline deadline);
Result<HelloRequest> read_hello(int stream, base::Deadline deadline);
Result<void> answer_hello(int stream, HelloReply reply);

}  // namespace fcvm::fusepipe
