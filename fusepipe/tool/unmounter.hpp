// Unmounter: takes a mount off when the process that made it was killed. Owns a small process that
// waits for that, and for nothing else.
#pragma once

#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::fusepipe {

class Unmounter {
 public:
  /// Before there are threads, and before the mount. The place must exist.
  static Result<Unmounter> start(const std::string& mountpoint);
  Unmounter(Unmounter&&) = default;
  Unmounter& operator=(Unmounter&&) = delete;
  Unmounter(const Unmounter&) = delete;
  Unmounter& operator=(const Unmounter&) = delete;
  /// The mount's maker has taken it off itself: the process ends without a deed.
  ~Unmounter();

  /// From now on there is something to take off.
  void arm();

 private:
  Unmounter(base::Fd pipe, pid_t pid) : pipe_(std::move(pipe)), pid_(pid) {}

  base::Fd pipe_;
  pid_t pid_;
};

}  // namespace fcvm::fusepipe
