// See udp_session.hpp.
#include "plugins/net/forward/udp_session.hpp"

#include "plugins/net/forward/udp_port.hpp"

namespace fcvm::forward {

void UdpSession::on_events(std::uint32_t) {
  if (!to_guest_) return;
  UdpRelay& relay = port_.relay();
  const std::size_t count = relay.datagrams().receive(to_guest_.get());
  if (count == 0) return;
  relay.used(*this);
  relay.datagrams().send_back(port_.socket(), count, route_);
}

}  // namespace fcvm::forward
