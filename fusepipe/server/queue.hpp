// Queue: one of a mount's queues of requests, across the streams that carry it one after another.
// Owns the answers that the mounting side may not have seen when a stream broke.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/base/io/fd.hpp"

namespace fcvm::fusepipe {

class Queue {
 public:
  using Stream = std::shared_ptr<const base::Fd>;

  /// From now on answers go there. The stream before is shut down, and no message of it counts any
  /// more. Returns how many came whole on all of them.
  std::uint64_t replace(Stream stream);
  /// The stream has ended.
  void lost(const Stream& stream);

  enum class Begin {
    kNew,
    kKnown,     // it runs already, or was answered again: nothing is to be done
    kReplaced,  // the message came on a stream that does not count any more
  };
  /// A message came whole. One that is sent again has the number that it had.
  Begin begin(const Stream& stream, std::uint64_t unique, bool has_reply);

  /// Sends the answer, on whatever stream the queue has by now. When there is none it is kept.
  void answer(std::uint64_t unique, std::span<const std::byte> message, bool keep);

  /// What the mounting side has unanswered at most, and so what is kept.
  static constexpr std::size_t kKept = 32;

 private:
  struct Answer {
    std::uint64_t unique = 0;
    std::vector<std::byte> message;
  };

  Stream current() const;

  mutable std::mutex which_;  // of stream_; never held while something is sent
  Stream stream_;
  std::mutex mutex_;  // of the rest
  std::uint64_t received_ = 0;
  std::vector<std::uint64_t> running_;
  std::array<Answer, kKept> kept_;
  std::size_t next_kept_ = 0;
};

}  // namespace fcvm::fusepipe
