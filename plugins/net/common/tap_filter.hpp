// TapFilter: what a guest may send, held against each packet as it comes out of the tap, before any
// bridge, route or helper sees it. The same in every network mode: a table of nf_tables in the VM's
// own network namespace, with which it goes.
//
// Closed, unless opened: the host's loopback, the host's own addresses, and link-local ones, which
// are where clouds keep a machine's credentials. What is refused is refused at once, so that
// nobody has to wait for a time-out. Never open: addresses that are nobody else's (127.0.0.0/8,
// 0.0.0.0/8, IPv4 within IPv6), which a helper on the host might take for the host's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/net.h>
#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"
#include "core/base/net/netlink.hpp"

namespace fcvm::net {

/// Ports of one protocol; both 0: everything that can be sent there.
struct PortSpan {
  std::uint8_t protocol = 0;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

/// One address that is reached although it lies where all else is closed.
struct Opening {
  base::IpAddress address;
  PortSpan ports;
};

struct TapPolicy {
  std::string link;
  /// Of our own end, from which the guest is dialled.
  std::vector<base::IpAddress> own;
  /// The networks inside: apart from `own` and `openings`, nobody is there.
  std::vector<base::IpPrefix> inside;
  std::vector<Opening> openings;
  bool link_local = false;
  /// All of the host's own addresses; else these ports of them.
  bool host_addresses = false;
  std::vector<PortSpan> host_ports;
  std::uint64_t bytes_per_second = 0;  // 0: no limit
};

/// What a request asks to be opened, as far as every mode reads it in the same way.
struct AskedOpenings {
  bool loopback = false;  // all of it
  std::vector<PortSpan> of_loopback;
  bool host_addresses = false;     // all ports of them
  std::vector<PortSpan> of_host;   // of every address of the host
  std::vector<Opening> elsewhere;  // of one address, wherever it lies
  bool link_local = false;

  static Result<AskedOpenings> read(const fcvm_net_request& request);
  [[nodiscard]] bool reaches_loopback() const { return loopback || !of_loopback.empty(); }
};

/// How much may come at once where a rate is limited: a tenth of a second's worth, and a few of the
/// longest packets at least.
std::uint32_t burst_of_rate(std::uint64_t bytes_per_second);

/// TCP and UDP of one port.
void open_port(std::vector<Opening>& openings, const base::IpAddress& address, std::uint16_t port);

/// Makes the filter. `socket` is a NETLINK_NETFILTER one of the VM's network namespace; `host` are
/// the host's own addresses.
Result<void> make_tap_filter(base::NetlinkSocket& socket, const TapPolicy& policy,
                             const std::vector<base::IpAddress>& host);
/// The host has these addresses now.
Result<void> renew_host_addresses(base::NetlinkSocket& socket,
                                  const std::vector<base::IpAddress>& host);

}  // namespace fcvm::net
