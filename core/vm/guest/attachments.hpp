// Attachments: the clients that see a container's output and feed its stdin: `fcvm attach`, any
// number of them, and the `fcvm run -i` that started it. Owns their streams.
//
// A stream has the frames of core/wire/exec.hpp, with an Attached in place of request, ack and go:
//
//   supervisor -> Attached, then stdout, stderr, ExecCredit, ExecExit or ExecFailed
//   client     -> (signals at any time) stdin, ExecStdinEnd, Resize, ExecSignal, ExecDetach
//
// Everybody gets all output, so the slowest client is what the container waits for.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "core/base/loop/interest.hpp"
#include "core/vm/guest/frame_link.hpp"
#include "core/vm/guest/stdin_feed.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::vm {

/// The container runs, and output follows.
struct Attached {
  static constexpr std::uint16_t kType = 96;

  bool tty = false;
  bool interactive = false;  // it reads stdin
  std::uint64_t stdin_credit = 0;

  FCVM_FIELDS(visit(1, self.tty); visit(2, self.interactive); visit(3, self.stdin_credit);)
};

class Attachments {
 public:
  /// Called from handle().
  struct Callbacks {
    std::function<void(bool own, int signal)> on_signal;
    std::function<void()> on_detach;   // the one who ran the container has left it to itself
    std::function<void()> on_hang_up;  // or has gone without a word
    std::function<void(wire::Resize)> on_resize;
  };

  // --- from any thread ---

  /// More clients than this are refused: each costs a descriptor, and may keep some stdin waiting.
  static constexpr std::size_t kMostClients = 64;

  /// `own` is the stream of the one who runs the container. EBUSY when there are too many.
  Result<void> add(Fd socket, bool own);
  /// The container runs: clients are let in.
  void begin(bool tty, bool interactive);

  // --- from the loop's thread ---

  /// Before each round of the loop.
  void watch(base::Loop& loop);
  /// What came in it.
  void handle(StdinFeed& feed, const Callbacks& callbacks);
  void write(std::uint16_t type, std::string_view bytes);
  /// Every client has taken everything, and the one who runs the container has been let in.
  [[nodiscard]] bool idle() const;
  /// The guest has taken some stdin.
  void grant(const StdinFeed& feed);

  // --- when the loop runs no more ---

  /// Before the loop goes.
  void stop_watching();
  /// The last frame for everybody: ExecExit or ExecFailed.
  template <typename Message>
  void end(const Message& message) {
    end_with(wire::encode(message));
  }

 private:
  static constexpr std::uint64_t kCredit = 256 << 10;

  struct Client {
    FrameLink link;
    bool own = false;
    std::unique_ptr<base::Interest> interest{};
    bool is_lost = false;  // it cannot be watched
    bool let_in = false;
    std::uint64_t uncredited = 0;
  };

  void take_in();
  void let_in(Client& client) const;
  Result<bool> serve(Client& client, StdinFeed& feed, const Callbacks& callbacks);
  Result<bool> take(Client& client, const wire::Frame& frame, StdinFeed& feed,
                    const Callbacks& callbacks) const;
  Result<void> take_stdin(Client& client, std::string_view bytes, StdinFeed& feed) const;
  void end_with(std::string_view frame);

  std::mutex mutex_;  // of what other threads may change: the three below
  std::list<Client> arrived_;
  std::size_t count_ = 0;
  std::optional<Attached> terms_now_;

  std::list<Client> clients_;
  std::optional<Attached> terms_;
};

}  // namespace fcvm::vm
