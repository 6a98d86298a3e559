// WorkerPool: threads for what may block. Owns them, and what waits for one of them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fcvm::base {

class WorkerPool {
 public:
  /// With one thread, what is posted runs one at a time and in order.
  explicit WorkerPool(unsigned threads);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// As join(); what is waiting is run before.
  ~WorkerPool() { join(); }

  /// From any thread. After join() it is dropped.
  void post(std::function<void()> work);
  /// Forgets what no thread has begun.
  void drop_waiting();
  /// Until all that was posted has run, and what that posted in turn.
  void join();

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fcvm::base
