// See stdin_feed.hpp.
#include "core/vm/guest/stdin_feed.hpp"

#include <algorithm>

#include "core/wire/output.hpp"

namespace fcvm::vm {

void StdinFeed::put(std::string_view bytes) {
  if (!over_) bytes_.append(bytes);
}

Result<void> StdinFeed::on_attached(std::uint64_t from, std::uint64_t limit) {
  if (from < base_ || from > base_ + bytes_.size()) {
    return fail(ERANGE, "the guest wants stdin from byte " + std::to_string(from) +
                            " on, which is not kept");
  }
  sent_ = from;
  limit_ = std::clamp(limit, from, from + kLargestWindow);
  end_sent_ = false;
  // The first connection comes before any byte, so its limit is the whole window.
  if (window_ == 0) window_ = std::min(limit_ - from, kLargestWindow);
  forget_arrived(from);
  return {};
}

void StdinFeed::on_limit(std::uint64_t limit) {
  // Nobody has received more than was sent, so nobody can take more than a window beyond that.
  limit_ = std::max(limit_, std::min(limit, sent_ + kLargestWindow));
  if (limit_ > window_) forget_arrived(std::min(limit_ - window_, sent_));
}

void StdinFeed::forget_arrived(std::uint64_t before) {
  if (before <= base_) return;
  bytes_.erase(0, before - base_);
  base_ = before;
}

std::string StdinFeed::take() {
  const std::uint64_t end = base_ + bytes_.size();
  const std::uint64_t until = std::min({end, limit_, sent_ + wire::kMaxOutputData});
  if (sent_ < until) {
    const auto piece = std::string_view(bytes_).substr(sent_ - base_, until - sent_);
    auto frame = wire::encode_stream_data({wire::Stream::kStdin, sent_, piece});
    sent_ = until;
    return frame;
  }
  if (!over_ || sent_ < end || end_sent_) return {};
  end_sent_ = true;
  return wire::encode(wire::StdinEnd{end});
}

}  // namespace fcvm::vm
