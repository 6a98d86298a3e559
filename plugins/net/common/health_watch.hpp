// HealthWatch: one descriptor that turns readable when any of several things has to tell something,
// which is what the verb `health` lends its caller.
#pragma once

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::net {

class HealthWatch {
 public:
  /// Watches nothing, and cannot: fd() is -1.
  HealthWatch() = default;
  static Result<HealthWatch> make();

  /// Until it is closed, or removed. Again is harmless, and -1 is nothing to watch.
  [[nodiscard]] Result<void> add(int fd) const;
  [[nodiscard]] Result<void> remove(int fd) const;

  [[nodiscard]] int fd() const { return epoll_.get(); }

 private:
  Fd epoll_;
};

}  // namespace fcvm::net
