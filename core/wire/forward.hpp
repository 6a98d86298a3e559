// The forward protocol: a stream to a TCP port on the guest's loopback.
//
//   host  -> Hello, ForwardRequest ......... raw bytes
//   guest -> Hello, ForwardReply, .......... raw bytes (only after success)
//
// Owns the messages. After its ForwardRequest the host may send raw bytes at once.
#pragma once

#include <cstdint>
#include <string>

#include "core/wire/hello.hpp"
#include "core/wire/message.hpp"

namespace fcvm::wire {

constexpr std::size_t kMaxForwardHeader = kMaxHello;

struct ForwardRequest {
  static constexpr std::uint16_t kType = 80;

  std::uint16_t port = 0;

  FCVM_FIELDS(visit(1, self.port);)
};

/// Code 0: connected. Else errno (ECONNREFUSED: nothing listens there), and the stream ends.
struct ForwardReply {
  static constexpr std::uint16_t kType = 81;

  std::int32_t code = 0;
  std::string message;

  FCVM_FIELDS(visit(1, self.code); visit(2, self.message);)
};

}  // namespace fcvm::wire
