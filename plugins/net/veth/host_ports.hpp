// HostPorts: owns the ports of the host that lead to one VM by address translation. Each is held by
// a bound socket, so that no other program, and no other VM, takes it meanwhile.
#pragma once

#include <map>
#include <string>

#include <fcvm/net.hpp>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "plugins/net/common/listener.hpp"

namespace fcvm::net {

class HostPorts {
 public:
  struct Held {
    std::uint16_t guest_port;
    bool host_only;
    Fd socket;  // none on the VM's own address, which is not the host's to bind
  };

  /// `own_address` is the VM's, as the host knows it: ports without an address are published there.
  /// `has_ipv6`: whether the VM can be reached by it.
  HostPorts(std::string own_address, bool has_ipv6)
      : own_address_(std::move(own_address)), has_ipv6_(has_ipv6) {}

  /// All ports of the range or none; EADDRINUSE and others say what fixes them.
  Result<Published> add(const fcvm_publish& wanted);
  /// No longer published, but held until this goes.
  struct Removed {
    Published ports;
    std::map<PortKey, Held> held;
  };
  /// ENOENT unless all of them are published so.
  Result<Removed> remove(const fcvm_publish& unwanted);
  void put_back(Removed removed) { held_.merge(removed.held); }
  /// What add() has returned.
  void drop(const Published& ports);

  [[nodiscard]] const std::map<PortKey, Held>& list() const { return held_; }
  [[nodiscard]] const std::string& own_address() const { return own_address_; }

 private:
  [[nodiscard]] Result<PortRange> choose_ports(PortRange range) const;
  Result<Published> hold_all(const PortRange& range);
  [[nodiscard]] Result<Fd> hold(const PortKey& key, std::uint16_t guest_port) const;

  std::string own_address_;
  bool has_ipv6_;
  std::map<PortKey, Held> held_;
};

}  // namespace fcvm::net
