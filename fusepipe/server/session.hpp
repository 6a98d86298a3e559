// Session: one mount of the directory, fed by its streams. Owns its queues and what waits.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "fusepipe/server/blocking_calls.hpp"
#include "fusepipe/server/message.hpp"
#include "fusepipe/server/mount.hpp"
#include "fusepipe/server/queue.hpp"
#include "fusepipe/stream/hello.hpp"

namespace fcvm::fusepipe {

class Session {
 public:
  explicit Session(std::unique_ptr<Mount> mount) : mount_(std::move(mount)) {}

  /// Carries out one message of a queue. False when the stream is of no more use: what came is no
  /// request, or another stream has taken its place.
  bool take(Queue& queue, const Queue::Stream& stream, std::span<const std::byte> message,
            Reply& reply);

  /// `number` is below kMaxQueues.
  [[nodiscard]] Queue& queue(std::uint32_t number) { return queues_[number]; }

 private:
  int run(Request request, Reply& reply);
  void wait_for(Queue& queue, std::span<const std::byte> message, Request request);

  std::unique_ptr<Mount> mount_;
  std::array<Queue, kMaxQueues> queues_;
  BlockingCalls blocking_;  // ends first: its calls use what is above
};

}  // namespace fcvm::fusepipe
