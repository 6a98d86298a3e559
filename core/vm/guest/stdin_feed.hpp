// StdinFeed: what goes into the container's stdin, exactly once, over as many connections to the
// guest as it takes; see core/wire/output.hpp. Owns the bytes that the guest may not have yet. A
// state machine without I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::vm {

class StdinFeed {
 public:
  /// How far a guest may let itself be granted ahead of what it was sent. What is sent is kept
  /// until it is known to have arrived, so this also bounds what is kept.
  static constexpr std::uint64_t kLargestWindow = 1 << 20;

  void put(std::string_view bytes);
  /// After what was put; what is put later is for nobody.
  void end() { over_ = true; }

  /// Of a clone, before anything was put: another host has fed the guest up to there.
  void begin_at(std::uint64_t from) { base_ = sent_ = from; }
  /// A connection begins, on which the guest wants stdin from there on. ERANGE when that is not
  /// kept any more, or was never put.
  Result<void> on_attached(std::uint64_t from, std::uint64_t limit);
  void on_limit(std::uint64_t limit);

  /// The next frame for the guest, or nothing when none may go now.
  [[nodiscard]] std::string take();

  /// Given out, and perhaps not arrived: never more than the largest window.
  [[nodiscard]] std::size_t kept() const { return sent_ - base_; }
  /// Put, and not yet given out by take().
  [[nodiscard]] std::size_t unsent() const { return base_ + bytes_.size() - sent_; }

 private:
  void forget_arrived(std::uint64_t before);

  std::string bytes_;
  std::uint64_t base_ = 0;  // offset of bytes_
  std::uint64_t sent_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t window_ = 0;  // how far the guest's limit may be ahead of what it has received
  bool over_ = false;
  bool end_sent_ = false;
};

}  // namespace fcvm::vm
