// UdpPort: owns one bound socket of the host and its sessions, by peer. UdpRelay: what all of them
// share: the order in which sessions were used, their number and their end.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "plugins/net/forward/fd_budget.hpp"
#include "plugins/net/forward/guest.hpp"
#include "plugins/net/forward/port.hpp"
#include "plugins/net/forward/udp_session.hpp"

namespace fcvm::forward {

class UdpRelay final : public Handler {
 public:
  UdpRelay(EventLoop& loop, FdBudget& budget, const Guest& guest, std::chrono::milliseconds idle)
      : loop_(loop), budget_(budget), guest_(guest), idle_(idle) {}

  /// Of all ports together; one more ends the one that was not used for longest.
  static constexpr std::size_t kMostSessions = 4096;

  /// A new session's way to the guest; nothing when there is no room.
  Fd dial(std::uint16_t guest_port);
  Result<void> opened(UdpSession& session);
  void used(UdpSession& session);
  /// Its port has let go of it.
  void closed(UdpSession& session);

  Datagrams& datagrams() { return datagrams_; }
  EventLoop& loop() { return loop_; }

  void on_events(std::uint32_t) override {}  // it has no descriptor
  void resume() override;                    // ends sessions that were idle for too long

 private:
  [[nodiscard]] bool make_room();

  EventLoop& loop_;
  FdBudget& budget_;
  const Guest& guest_;
  std::chrono::milliseconds idle_;
  Datagrams datagrams_;
  std::list<UdpSession*> by_use_;  // the longest unused first
};

class UdpPort final : public Port {
 public:
  UdpPort(UdpRelay& relay, Fd socket, std::uint16_t guest_port)
      : relay_(relay), socket_(std::move(socket)), guest_port_(guest_port) {}
  ~UdpPort() override { close(); }
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;

  Result<void> start();

  void on_events(std::uint32_t events) override;
  void close() override;

  /// Ends one session.
  void end(UdpSession& session);

  [[nodiscard]] UdpRelay& relay() const { return relay_; }
  [[nodiscard]] int socket() const { return socket_.get(); }

 private:
  struct Hash {
    std::size_t operator()(const DatagramRoute& route) const {
      return std::hash<std::string_view>()(route.bytes());
    }
  };

  UdpSession* session_for(const DatagramRoute& route);

  UdpRelay& relay_;
  Fd socket_;
  std::uint16_t guest_port_;
  std::unordered_map<DatagramRoute, std::unique_ptr<UdpSession>, Hash> sessions_;
};

}  // namespace fcvm::forward
