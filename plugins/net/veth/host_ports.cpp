// See host_ports.hpp.
#include "plugins/net/veth/host_ports.hpp"

#include <sys/socket.h>

#include "core/base/net/address.hpp"

namespace fcvm::net {

namespace {

constexpr std::uint32_t kFirstChosen = 32768;
constexpr int kMostTries = 8;

/// Keeps the port from others, and answers nobody: what is not translated on its way, as from the
/// guest itself to this host's loopback, is refused and does not wait in a queue for ever.
Result<void> stop_listening(const Listener& listener) {
  if (listener.key.protocol != FCVM_PROTO_TCP) return {};
  const int off = 0;
  if (::shutdown(listener.socket.get(), SHUT_RDWR) != 0 ||
      ::setsockopt(listener.socket.get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof off) != 0) {
    return fail_errno("holding " + describe(listener.key));
  }
  return {};
}

/// Packets cannot be translated to and from ::1: the kernel takes it for an error that they leave.
Unexpected loopback_of_ipv6(const PortKey& key) {
  return fail(EADDRNOTAVAIL, "publishing " + describe(key) + ": this network cannot publish on ::1",
              "publish on 127.0.0.1 or on the VM's own address, or use --network rootless");
}

}  // namespace

Result<Fd> HostPorts::hold(const PortKey& key, std::uint16_t guest_port) const {
  if (held_.count(key) != 0) {
    return fail(EADDRINUSE, "publishing " + describe(key) + ": this VM publishes that port already",
                "give each port of the host once");
  }
  if (key.address == own_address_) return Fd();
  const auto address = FCVM_TRY(base::IpAddress::parse(key.address));
  if (!address.is_v4() && address.is_loopback()) return loopback_of_ipv6(key);
  if (!address.is_v4() && !has_ipv6_) {
    return fail(EADDRNOTAVAIL, "publishing " + describe(key) + ": this VM has no IPv6",
                "publish on an IPv4 address");
  }
  Listener listener = FCVM_TRY(Listener::bind(key, guest_port));
  FCVM_TRY(stop_listening(listener));
  return std::move(listener.socket);
}

/// The VM's own address is not the host's to bind: each of its ports is free that this VM has not
/// published. On another the kernel says what is, which somebody may take before it is held.
Result<PortRange> HostPorts::choose_ports(PortRange range) const {
  if (range.address != own_address_) {
    const auto probe = FCVM_TRY(bind_range(range));
    range.host_port = probe.front().key.port;
    return range;
  }
  for (std::uint32_t first = kFirstChosen; first + range.count - 1 <= UINT16_MAX; ++first) {
    range.host_port = static_cast<std::uint16_t>(first);
    std::uint16_t free = 0;
    while (free < range.count && held_.count(range.key(free)) == 0) ++free;
    if (free == range.count) return range;
    first += free;
  }
  return fail(EADDRINUSE, "publishing: no port of " + own_address_ + " is free");
}

Result<Published> HostPorts::add(const fcvm_publish& wanted) {
  const PortRange range = FCVM_TRY(parse_range(wanted, own_address_));
  if (range.host_port != 0) return hold_all(range);
  for (int tries = kMostTries;; --tries) {
    auto added = hold_all(FCVM_TRY(choose_ports(range)));
    if (added || added.error().code() != EADDRINUSE || tries == 0) return added;
  }
}

Result<Published> HostPorts::hold_all(const PortRange& range) {
  std::map<PortKey, Held> added;
  for (std::uint16_t i = 0; i < range.count; ++i) {
    const auto guest_port = static_cast<std::uint16_t>(range.guest_port + i);
    Fd socket = FCVM_TRY(hold(range.key(i), guest_port));
    added.emplace(range.key(i), Held{guest_port, range.host_only, std::move(socket)});
  }
  held_.merge(added);
  return Published{range.protocol, range.address, range.host_port, range.guest_port, range.count};
}

Result<HostPorts::Removed> HostPorts::remove(const fcvm_publish& unwanted) {
  const PortRange range = FCVM_TRY(parse_range(unwanted, own_address_));
  for (std::uint16_t i = 0; i < range.count; ++i) {
    const auto found = held_.find(range.key(i));
    if (found == held_.end() || found->second.guest_port != range.guest_port + i) {
      return fail(ENOENT,
                  describe(range.key(i)) + " does not lead to port " +
                      std::to_string(range.guest_port + i) + " of this VM",
                  "`fcvm port` lists what is published");
    }
  }
  Removed gone;
  gone.ports = {range.protocol, range.address, range.host_port, range.guest_port, range.count};
  for (std::uint16_t i = 0; i < range.count; ++i) {
    gone.held.insert(held_.extract(range.key(i)));
  }
  return gone;
}

void HostPorts::drop(const Published& ports) {
  for (std::uint16_t i = 0; i < ports.count; ++i) {
    held_.erase({ports.protocol, ports.address, static_cast<std::uint16_t>(ports.host_port + i)});
  }
}

}  // namespace fcvm::net
