// TcpConnection: owns one client's connection, the one to the guest that belongs to it, and what is
// on its way between them.
//
// Bytes go from socket to pipe to socket by splice, never through this process. Nothing is read
// from a side whose other side takes no more, so back-pressure is TCP's own. The end of one
// direction is handed on when all before it has been; a reset of either side resets the other, and
// so does a guest that refuses.
#pragma once

#include <cstdint>
#include <optional>

#include "plugins/net/forward/event_loop.hpp"
#include "plugins/net/forward/guest.hpp"
#include "plugins/net/forward/pipe_pool.hpp"

namespace fcvm::forward {

class TcpConnection;

/// Whoever owns the connections.
class TcpOwner {
 public:
  virtual ~TcpOwner() = default;
  /// It has closed both sockets; it is destroyed at the end of the round.
  virtual void on_closed(TcpConnection& connection) = 0;
};

class TcpConnection final : public Handler {
 public:
  TcpConnection(EventLoop& loop, PipePool& pipes, const Guest& guest, TcpOwner& owner,
                std::uint16_t guest_port);

  /// Begins with what accept() returned. When that fails at once, it has closed.
  void start(Fd client);

  void on_events(std::uint32_t) override {}  // the sides have them
  void resume() override;

 private:
  struct Side final : Handler {
    explicit Side(TcpConnection& owning) : connection(owning) {}
    void on_events(std::uint32_t events) override { connection.on_side(*this, events); }

    TcpConnection& connection;
    Fd socket;
    // Edge-triggered: true until a call says that it would block.
    bool readable = false;
    bool writable = false;
  };
  struct Flow {
    Side& from;
    Side& to;
    std::optional<PooledPipe> pipe{};  // there while it holds something
    std::size_t held = 0;
    bool source_ended = false;
    bool done = false;  // the end was handed on
  };
  enum class Step { kMoved, kBlocked, kFailed };

  void on_side(Side& side, std::uint32_t events);
  void dial_next();
  void on_dialled();
  void pump_both();
  void pump(Flow& flow);
  Step fill(Flow& flow);
  Step drain(Flow& flow);
  void reset();
  void close();
  void let_go(Flow& flow);

  EventLoop& loop_;
  PipePool& pipes_;
  const Guest& guest_;
  TcpOwner& owner_;
  std::uint16_t guest_port_;
  std::size_t next_address_ = 0;
  bool connected_ = false;
  bool closed_ = false;
  bool waits_for_turn_ = false;
  Side client_{*this};
  Side server_{*this};
  Flow to_guest_{client_, server_};
  Flow to_client_{server_, client_};
};

}  // namespace fcvm::forward
