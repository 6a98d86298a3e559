// Relay: carries the requests of a FUSE mount to a server, and the answers back. It knows of the
// kernel's messages only their headers. Owns the queues' devices, streams and threads.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "fusepipe/relay/link.hpp"
#include "fusepipe/relay/relay_queue.hpp"

namespace fcvm::fusepipe {

struct RelayOptions {
  unsigned queues = 4;
  /// One more stream, for what the server tells by itself.
  bool notifications = true;
  /// How long a broken stream may take to be replaced, until whoever waits gets EIO.
  std::chrono::milliseconds patience{3000};
  /// When no server is there: go on answering EIO until there is one. Otherwise the relay ends.
  bool persistent = false;
};

class Relay {
 public:
  /// The mount's first request must not have been read. Begins by dialing all streams; when it
  /// returns, the mount is answered.
  static Result<std::unique_ptr<Relay>> start(base::Fd device, Link::Dial dial,
                                              const RelayOptions& options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Becomes readable when it has ended by itself: the mount has gone, or the server.
  [[nodiscard]] int ended_fd() const noexcept { return ended_.get(); }
  /// Why, if not because of the mount.
  [[nodiscard]] std::string reason() const;

  /// For when the mount has gone: waits for no answer any more.
  void stop();

 private:
  explicit Relay(Link::Dial dial, const RelayOptions& options)
      : options_(options), link_(std::move(dial)) {}

  Result<void> begin(base::Fd device);
  void run_notifications(Link::Opened opened);
  void end(const std::string& why);

  RelayOptions options_;
  Link link_;
  base::Fd device_;  // a queue of its own for notifications, which never reads
  base::Fd ended_;
  mutable std::mutex mutex_;
  std::string reason_;
  std::vector<std::unique_ptr<RelayQueue>> queues_;
  std::vector<std::thread> threads_;
};

}  // namespace fcvm::fusepipe
