// TcpPort: owns one listening socket of the host. TcpRelay owns the connections of all of them:
// they go on when their port is taken back.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "plugins/net/forward/fd_budget.hpp"
#include "plugins/net/forward/port.hpp"
#include "plugins/net/forward/tcp_connection.hpp"

namespace fcvm::forward {

class TcpRelay final : public TcpOwner {
 public:
  TcpRelay(EventLoop& loop, FdBudget& budget, const Guest& guest)
      : loop_(loop), budget_(budget), guest_(guest) {}

  /// Two sockets, and at worst a pipe for each direction.
  static constexpr std::size_t kFdsPerConnection = 6;

  /// Room for it has been taken from the budget, and is given back when it has ended.
  void open(Fd client, std::uint16_t guest_port);

  void on_closed(TcpConnection& connection) override;

 private:
  EventLoop& loop_;
  FdBudget& budget_;
  const Guest& guest_;
  PipePool pipes_;
  std::unordered_map<TcpConnection*, std::unique_ptr<TcpConnection>> connections_;
};

class TcpPort final : public Port {
 public:
  TcpPort(EventLoop& loop, FdBudget& budget, TcpRelay& relay, Fd listener, std::uint16_t guest_port)
      : loop_(loop),
        budget_(budget),
        relay_(relay),
        listener_(std::move(listener)),
        guest_port_(guest_port) {}
  ~TcpPort() override { close(); }
  TcpPort(const TcpPort&) = delete;
  TcpPort& operator=(const TcpPort&) = delete;

  Result<void> start();

  void on_events(std::uint32_t events) override;
  void resume() override;
  void close() override;

 private:
  void pause();

  EventLoop& loop_;
  FdBudget& budget_;
  TcpRelay& relay_;
  Fd listener_;
  std::uint16_t guest_port_;
};

}  // namespace fcvm::forward
