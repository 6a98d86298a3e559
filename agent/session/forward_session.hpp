// ForwardSession: joins one stream of the host to a TCP port on the guest's loopback, from its
// request to the end of both directions. Owns the pair of sockets. No frame after the reply: the
// bytes are the application's.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "agent/loop.hpp"
#include "agent/transport/greeting.hpp"
#include "agent/transport/stream.hpp"
#include "core/wire/forward.hpp"

namespace fcvm::agent {

class ForwardSession {
 public:
  ForwardSession(Loop& loop, base::Fd socket);
  ~ForwardSession();
  ForwardSession(const ForwardSession&) = delete;
  ForwardSession& operator=(const ForwardSession&) = delete;

  Result<void> start(std::function<void()> on_over);

 private:
  static constexpr std::size_t kMostQueued = 256 << 10;

  /// One end: what waits to be written to it, and what is known of its own end.
  struct End {
    base::Fd socket;
    std::string queue;
    bool read_over = false;
    bool write_over = false;
    bool watched = false;
  };

  Result<void> on_frame(const wire::Frame& frame);
  Result<void> connect(std::uint16_t port, int family);
  void on_connected();
  void refuse(int error);
  void reply(int code, const std::string& message);
  void on_events(std::size_t index);
  [[nodiscard]] bool read(End& from, End& to);
  [[nodiscard]] bool write(End& to, const End& from);
  void watch(std::size_t index);
  void over();

  Loop& loop_;
  std::unique_ptr<Stream> stream_;  // until it goes over to raw bytes
  Greeting greeting_;
  std::function<void()> on_over_;
  std::uint16_t port_ = 0;
  int family_ = 0;
  base::Fd target_;
  bool target_watched_ = false;
  std::array<End, 2> ends_;  // the host's, the target's
};

}  // namespace fcvm::agent
