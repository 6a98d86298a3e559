// WatchOnce: calls back, once, when a descriptor of a plugin turns readable. Owns a copy of it.
#pragma once

#include <functional>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/loop/loop.hpp"

namespace fcvm::vm {

class WatchOnce {
 public:
  explicit WatchOnce(base::Loop& loop) : loop_(loop) {}
  WatchOnce(const WatchOnce&) = delete;
  WatchOnce& operator=(const WatchOnce&) = delete;
  ~WatchOnce() { stop(); }

  /// In place of what was watched before.
  Result<void> set(int fd, std::function<void()> on_readable);
  void stop();

 private:
  base::Loop& loop_;
  Fd fd_;
};

}  // namespace fcvm::vm
