// BlockingCalls: operations that wait for as long as another process likes. Owns a thread for each,
// so that no queue waits with them, and interrupts them.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <thread>

namespace fcvm::fusepipe {

class BlockingCalls {
 public:
  BlockingCalls();
  BlockingCalls(const BlockingCalls&) = delete;
  BlockingCalls& operator=(const BlockingCalls&) = delete;
  /// Interrupts what still waits.
  ~BlockingCalls();

  /// `call` ends with EINTR when a signal comes; `answer` is told its result in any case, in the
  /// same thread. False when too many wait already.
  bool start(std::uint64_t unique, std::function<int()> call, std::function<void(int)> answer);

  /// Comes back when the call has ended. One that has not started yet will end at once: the
  /// interrupt took another stream than its request, and was faster.
  void interrupt(std::uint64_t unique);

 private:
  struct Call {
    std::uint64_t unique;
    std::thread thread;
    pthread_t id{};
    bool interrupted = false;
    bool running = false;
    bool done = false;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run(Call& call, const std::function<int()>& what, const std::function<void(int)>& answer);
  void end(Lock& lock, Call& call);
  void reap(Lock& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::shared_ptr<Call>> calls_;  // shared with whoever waits for an end without the lock
  std::array<std::uint64_t, 16> early_{};   // interrupted before they started
  std::size_t next_early_ = 0;
};

}  // namespace fcvm::fusepipe
