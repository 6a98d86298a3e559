// UdpSession: owns the socket by which one peer of a published port talks to the guest, which tells
// peers apart by it as it would tell the peers themselves.
#pragma once

#include <chrono>
#include <list>

#include "plugins/net/forward/datagrams.hpp"
#include "plugins/net/forward/event_loop.hpp"

namespace fcvm::forward {

class UdpPort;

class UdpSession final : public Handler {
 public:
  UdpSession(UdpPort& port, const DatagramRoute& route, Fd to_guest)
      : port_(port), route_(route), to_guest_(std::move(to_guest)) {}

  [[nodiscard]] const DatagramRoute& route() const { return route_; }
  [[nodiscard]] UdpPort& port() const { return port_; }
  [[nodiscard]] int socket() const { return to_guest_.get(); }

  /// The guest's answers.
  void on_events(std::uint32_t events) override;
  /// Ends it; the object is then buried.
  void close() { to_guest_.reset(); }

 private:
  friend class UdpRelay;

  UdpPort& port_;
  DatagramRoute route_;
  Fd to_guest_;
  std::chrono::milliseconds last_used_{};
  std::list<UdpSession*>::iterator place_{};
};

}  // namespace fcvm::forward
