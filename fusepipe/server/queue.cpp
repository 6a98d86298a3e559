// See queue.hpp.
#include "fusepipe/server/queue.hpp"

#include <algorithm>
#include <sys/socket.h>

#include "fusepipe/stream/message_reader.hpp"

namespace fcvm::fusepipe {

namespace {

/// A longer answer is none that changed anything: it is worked out again instead.
constexpr std::size_t kLargestKept = 8 << 10;

}  // namespace

Queue::Stream Queue::current() const {
  const std::scoped_lock lock(which_);
  return stream_;
}

std::uint64_t Queue::replace(Stream stream) {
  {
    // Whoever sends on the old one, and perhaps waits for a peer that has gone, then lets go.
    const std::scoped_lock lock(which_);
    if (stream_) ::shutdown(stream_->get(), SHUT_RDWR);
  }
  const std::scoped_lock lock(mutex_);
  const std::scoped_lock which(which_);
  stream_ = std::move(stream);
  return received_;
}

void Queue::lost(const Stream& stream) {
  const std::scoped_lock lock(which_);
  if (stream_ == stream) stream_.reset();
}

Queue::Begin Queue::begin(const Stream& stream, std::uint64_t unique, bool has_reply) {
  const std::scoped_lock lock(mutex_);
  if (current() != stream) return Begin::kReplaced;
  ++received_;
  if (!has_reply) return Begin::kNew;
  if (std::find(running_.begin(), running_.end(), unique) != running_.end()) return Begin::kKnown;
  for (const Answer& answer : kept_) {
    if (answer.unique != unique || answer.message.empty()) continue;
    // A stream that breaks again takes the next with it, and the answer stays.
    (void)send_message(stream->get(), answer.message);
    return Begin::kKnown;
  }
  running_.push_back(unique);
  return Begin::kNew;
}

void Queue::answer(std::uint64_t unique, std::span<const std::byte> message, bool keep) {
  const std::scoped_lock lock(mutex_);
  std::erase(running_, unique);
  if (keep && message.size() <= kLargestKept) {
    Answer& answer = kept_[next_kept_++ % kept_.size()];
    answer.unique = unique;
    answer.message.assign(message.begin(), message.end());
  }
  // Kept or not, the mounting side asks again on the next stream if it did not see this.
  if (const Stream stream = current()) (void)send_message(stream->get(), message);
}

}  // namespace fcvm::fusepipe
