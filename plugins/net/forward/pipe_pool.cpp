// See pipe_pool.hpp.
#include "plugins/net/forward/pipe_pool.hpp"

namespace fcvm::forward {

Result<PooledPipe> PipePool::take() {
  if (!spare_.empty() && (spare_.back().large || large_ == kMostLarge || refused_)) {
    PooledPipe pipe = std::move(spare_.back());
    spare_.pop_back();
    return pipe;
  }
  PooledPipe pipe{FCVM_TRY(base::Pipe::create(O_NONBLOCK)), false};
  if (large_ == kMostLarge) return pipe;
  pipe.large = ::fcntl(pipe.ends.write_end.get(), F_SETPIPE_SZ, kLargeSize) == kLargeSize;
  refused_ = !pipe.large;
  if (pipe.large) ++large_;
  return pipe;
}

void PipePool::give_back(PooledPipe pipe) {
  if (spare_.size() >= kMostSpare) return discard(std::move(pipe));
  spare_.insert(pipe.large ? spare_.end() : spare_.begin(), std::move(pipe));
}

void PipePool::discard(PooledPipe pipe) {
  if (pipe.large) --large_;
}

}  // namespace fcvm::forward
