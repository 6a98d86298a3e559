// Control: owns the control socket, and the published ports, which come and go through it.
//
// Whoever holds the other end may do anything that this process can; still nothing that comes is
// believed before it was checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/base/io/socket_pair.hpp"
#include "plugins/net/forward/protocol.hpp"
#include "plugins/net/forward/tcp_port.hpp"
#include "plugins/net/forward/udp_port.hpp"

namespace fcvm::forward {

class Control final : public Handler {
 public:
  Control(EventLoop& loop, FdBudget& budget, const Guest& guest, Fd socket,
          std::chrono::milliseconds udp_idle);

  Result<void> start();

  /// One message; stops the loop when the other end has closed.
  void on_events(std::uint32_t events) override;

 private:
  /// Each returns 0 or an errno value.
  int carry_out(const Request& request, std::vector<Fd>& sockets);
  int add(const Request& request, std::vector<Fd>& sockets);
  int add_one(std::uint32_t id, std::uint16_t guest_port, Fd socket);
  void remove(std::uint32_t id, std::uint32_t count);
  void answer(std::uint32_t sequence, int error);

  EventLoop& loop_;
  FdBudget& budget_;
  Fd socket_;
  TcpRelay tcp_;
  UdpRelay udp_;
  std::map<std::uint32_t, std::unique_ptr<Port>> ports_;
};

}  // namespace fcvm::forward
