// Cutter: stands between the two ends of fusepipe and passes bytes on, until it cuts a stream in
// the middle. Owns its socket, its threads and the streams.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "core/base/io/fd.hpp"

namespace fcvm::test {

class Cutter {
 public:
  /// Listens at `path`; whoever dials it is passed on to `server`.
  Cutter(const std::string& path, std::string server);
  ~Cutter();
  Cutter(const Cutter&) = delete;
  Cutter& operator=(const Cutter&) = delete;

  /// Cuts every stream, whatever is on its way. Returns how many.
  std::size_t cut();
  /// From now on each stream is cut after so many bytes of answers.
  void cut_after(std::size_t bytes) { budget_ = bytes; }

 private:
  struct Pair {
    base::Fd near;
    base::Fd far;
    std::thread up;
    std::thread down;
  };

  void accept();
  void pass(int from, int to, bool answers);

  std::string server_;
  base::Fd listener_;
  std::thread accepting_;
  std::atomic<std::size_t> budget_{SIZE_MAX};
  std::mutex mutex_;
  std::list<Pair> pairs_;
};

}  // namespace fcvm::test
