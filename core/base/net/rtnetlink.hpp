// Rtnetlink: links, addresses, routes and neighbours of one network namespace. NetworkChange
// collects requests, which are then made in one system call.
#pragma once

#include <cstdint>
#include <linux/rtnetlink.h>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"
#include "core/base/net/netlink.hpp"

namespace fcvm::base {

struct NewLink {
  std::string name;
  /// 0: the kernel's choice. In a namespace of one's own a chosen index spares looking it up.
  unsigned index = 0;
  std::optional<MacAddress> mac;  // a bridge that is given one keeps it, whatever its ports have
  std::uint32_t mtu = 0;          // 0: the default
};

/// The other end of a veth pair.
struct VethPeer {
  NewLink link;
  int namespace_fd = -1;  // where it is made; -1: here
};

/// What is absent stays as it is.
struct LinkChange {
  std::optional<bool> up;
  std::uint32_t mtu = 0;
  std::optional<MacAddress> mac;
  std::optional<unsigned> master;  // a bridge's index; 0: none any more
  std::string name;                // the link must be down
  std::string alias;               // text kept in the kernel, up to 255 bytes: who made it
  int namespace_fd = -1;           // moves it there
};

struct Route {
  IpPrefix destination;  // IpPrefix::any(family): the default route
  std::optional<IpAddress> gateway;
  unsigned link = 0;
  std::optional<IpAddress> source;  // preferred
  std::uint32_t metric = 0;
  /// The gateway need not lie in the subnet of an address, as with a /32.
  bool gateway_on_link = false;
  std::uint32_t table = RT_TABLE_MAIN;
  std::uint8_t type = RTN_UNICAST;
  std::uint8_t protocol = RTPROT_STATIC;
};

/// A permanent entry of the ARP or NDP table; or, without a MAC, an address that this machine
/// answers for in another's place (proxy ARP, proxy NDP).
struct Neighbour {
  unsigned link = 0;
  IpAddress address;
  std::optional<MacAddress> mac;
};

/// Requests in the order in which they are to be made.
class NetworkChange {
 public:
  void add_bridge(const NewLink& link);
  void add_veth(const NewLink& link, const VethPeer& peer);
  /// `name` is for the error only.
  void set_link(unsigned index, const std::string& name, const LinkChange& change);
  /// The kernel gives it no fe80::... when it comes up: to be asked before that.
  void forbid_link_local(unsigned index, const std::string& name);
  /// A setting below ipv4/conf of /proc/sys/net, by its number there (IPV4_DEVCONF_...). To write
  /// the file is to try for the kernel's lock over and over while another has it.
  void set_ipv4_setting(unsigned index, const std::string& name, std::uint16_t setting,
                        std::uint32_t value);
  void delete_link(unsigned index, const std::string& name);

  /// Added or replaced; an IPv6 one is usable at once (no duplicate address detection).
  void add_address(unsigned link, const IpPrefix& address);
  void delete_address(unsigned link, const IpPrefix& address);
  void add_route(const Route& route);
  void delete_route(const Route& route);
  void add_neighbour(const Neighbour& neighbour);
  void delete_neighbour(const Neighbour& neighbour);

  /// A bridge's port: this MAC is behind it, and is not looked for behind another.
  void add_forwarding(unsigned port, const MacAddress& mac);
  /// What leaves by this link leaves no faster than that; a burst goes through at once, and what
  /// has to wait for too long is dropped (the queueing discipline tbf).
  void limit_rate(unsigned link, const std::string& name, std::uint64_t bytes_per_second,
                  std::uint32_t burst);

  /// ARP and NDP requests for the bridge's own addresses do not leave by this port.
  void suppress_neighbours(unsigned port, const std::string& name);

  [[nodiscard]] std::vector<NetlinkRequest>& requests() { return requests_; }

 private:
  void add(NetlinkMessage message, std::string doing);

  std::vector<NetlinkRequest> requests_;
};

/// What the kernel tells of a link.
struct Link {
  unsigned index = 0;
  std::string name;
  unsigned flags = 0;  // IFF_...
  std::uint32_t mtu = 0;
  std::optional<MacAddress> mac;  // Ethernet's
  unsigned master = 0;
  std::string kind;  // "bridge", "veth", "tun"; empty for hardware
  std::string alias;

  [[nodiscard]] bool up() const;
};

struct LinkAddress {
  unsigned link = 0;
  IpPrefix prefix;
  std::uint8_t scope = 0;   // RT_SCOPE_UNIVERSE is a global one
  std::uint32_t flags = 0;  // IFA_F_...
};

class Rtnetlink {
 public:
  /// Of the calling thread's network namespace.
  static Result<Rtnetlink> open();
  /// Of the namespace in which `socket`, an rtnetlink socket, was made and bound.
  static Result<Rtnetlink> adopt(Fd socket);

  /// The first error, if there is one; what comes after a failed request was done nevertheless.
  Result<void> apply(NetworkChange& change) { return socket_.commit(change.requests()); }

  Result<std::vector<Link>> links();
  Result<std::optional<Link>> find_link(const std::string& name);
  /// Fails with ENODEV when there is none of that name.
  Result<Link> link(const std::string& name);
  /// AF_INET, AF_INET6, or AF_UNSPEC for both.
  Result<std::vector<LinkAddress>> addresses(int family);
  Result<std::vector<Route>> routes(int family);
  /// The one with the lowest metric in the main table.
  Result<std::optional<Route>> default_route(int family);

  [[nodiscard]] NetlinkSocket& socket() { return socket_; }
  [[nodiscard]] const NetlinkSocket& socket() const { return socket_; }

 private:
  explicit Rtnetlink(NetlinkSocket socket) : socket_(std::move(socket)) {}

  NetlinkSocket socket_;
};

/// A link in an RTM_NEWLINK message, as a dump or a notification brings it.
Link read_link(const NetlinkReply& reply);

/// A TAP device of this thread's network namespace, made when there is none of that name. Without
/// `persist` it goes when the descriptor closes.
Result<Fd> open_tap(const std::string& name, bool persist);

}  // namespace fcvm::base
