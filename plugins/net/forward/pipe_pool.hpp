// PipePool: owns the pipes that splice needs, while no connection has them.
//
// A connection takes a pipe when data comes and gives it back as soon as it is empty, so idle
// connections have none, and few pipes, warm in the cache, serve many busy ones. A few are large,
// which moves a byte for half to three quarters of the cost; not more, since all pipes of a user
// share one allowance (fs.pipe-user-pages-soft, 64 of these), and connections that are stuck keep
// theirs.
#pragma once

#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/pipe.hpp"

namespace fcvm::forward {

struct PooledPipe {
  base::Pipe ends;
  bool large;
};

class PipePool {
 public:
  static constexpr int kLargeSize = 1 << 20;  // fs.pipe-max-size, the most for ordinary users
  static constexpr int kMostLarge = 4;

  Result<PooledPipe> take();
  /// It must be empty.
  void give_back(PooledPipe pipe);
  /// Closes one that is not.
  void discard(PooledPipe pipe);

 private:
  static constexpr std::size_t kMostSpare = 16;

  std::vector<PooledPipe> spare_;  // the large ones at the end, from where they are taken
  int large_ = 0;                  // that there are, here and out
  bool refused_ = false;  // the allowance was used up; asked again when a pipe is made anyway
};

}  // namespace fcvm::forward
