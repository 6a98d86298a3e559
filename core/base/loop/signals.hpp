// Signals: tells a loop of the signals that this process is sent. Owns its share of the handlers:
// the last that wants a signal puts back what was there before.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/loop/loop.hpp"

namespace fcvm::base {

/// Several loops of a process may watch the same signals: each is told. Threads need not block
/// them.
class Signals {
 public:
  using Handler = std::function<void(int number)>;

  static Result<std::unique_ptr<Signals>> watch(Loop& loop, const std::vector<int>& numbers,
                                                Handler handler);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

 private:
  Signals(Loop& loop, Handler handler) : loop_(loop), handler_(std::move(handler)) {}
  void take();

  Loop& loop_;
  Handler handler_;
  std::optional<std::size_t> inbox_;
  std::vector<int> numbers_;
};

}  // namespace fcvm::base
