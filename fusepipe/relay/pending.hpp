// Pending: what a queue has sent and has no answer to yet, so that it can be sent again. Owns the
// bytes of what may wait long, and borrows those of the one request that may not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

class Pending {
 public:
  using Bytes = std::span<const std::byte>;

  /// A message goes out. That of a request that is answered soon has to stay where it is until
  /// then.
  void sent(const fuse_in_header& header, Bytes message);
  /// False when there is no such request: the answer is to nothing.
  bool answered(std::uint64_t unique);

  /// Whether an answer is due that does not depend on other processes.
  [[nodiscard]] bool expects_soon() const noexcept { return soon_ > 0; }
  [[nodiscard]] bool is_empty() const noexcept { return requests_.empty(); }
  /// Whether as many wait as a server keeps the answers of.
  [[nodiscard]] bool is_full() const noexcept { return requests_.size() >= kMost; }

  /// After a break, the server says how many messages came whole. What must be sent again, in
  /// order: what it did not get, and each request, to which it has or will have the answer.
  /// From then on they are counted as sent.
  std::vector<Bytes> resume(std::uint64_t received, bool same_server);
  /// Gives up all requests: those who made them are told by their uniques.
  std::vector<std::uint64_t> give_up();

  static constexpr std::size_t kMost = 16;

 private:
  struct Request {
    Bytes message;
    std::vector<std::byte> own;
    bool soon = false;
  };
  struct Note {  // that has no answer: a FORGET
    std::uint64_t number = 0;
    std::vector<std::byte> message;
  };

  std::uint64_t sent_ = 0;
  std::size_t soon_ = 0;
  std::map<std::uint64_t, Request> requests_;
  std::deque<Note> notes_;
  std::size_t notes_size_ = 0;
};

}  // namespace fcvm::fusepipe
