// BytePump: moves bytes both ways between two stream sockets, with half-close and back-pressure.
// Owns the sockets and what was read from one and waits for the other.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/loop/interest.hpp"
#include "core/base/loop/loop.hpp"

namespace fcvm::vm {

class BytePump {
 public:
  /// `early` is sent to `a` before anything else. `on_end` is called once, by the loop: both
  /// directions have ended, or one of them broke. It must not destroy this object, but by
  /// Loop::soon().
  BytePump(base::Loop& loop, Fd a, Fd b, std::string early, std::function<void(bool whole)> on_end);
  BytePump(const BytePump&) = delete;
  BytePump& operator=(const BytePump&) = delete;

  /// What `a` sends is nobody's from here on, and its end is the end of both. Before start().
  void only_to_a();
  void start() { step(); }

  /// Of those that were handed over.
  [[nodiscard]] int a() const { return ends_[0].socket.get(); }

 private:
  struct End {
    Fd socket;
    base::Interest interest;
    std::string waiting{};  // what came from the other end
    std::size_t written = 0;
    bool ended = false;  // no more comes from it
    bool shut = false;   // all that was for it is written, and no more follows
  };

  void step();
  Result<void> turn();
  static bool reads(const End& from, const End& to);
  static Result<void> read(End& from, End& to);
  static Result<void> write(End& to);
  static Result<void> carry(End& from, End& to, base::Loop::Events came, base::Loop::Events goes);

  std::array<End, 2> ends_;
  bool only_to_a_ = false;
  std::function<void(bool whole)> on_end_;
};

}  // namespace fcvm::vm
