// Request: what a VM asks of its network, read from the interface's struct and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/net.h>
#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"
#include "plugins/net/common/tap_filter.hpp"

namespace fcvm::net {

struct Request {
  std::string vm_id;
  base::MacAddress mac;
  std::optional<base::IpPrefix> ipv4;
  std::optional<base::IpPrefix> ipv6;
  bool want_ipv6 = false;
  AskedOpenings open;
  bool reattach = false;
  std::uint32_t mtu = 0;
  std::uint64_t rate_in = 0;  // bytes per second, 0: no limit
  std::uint64_t rate_out = 0;
  std::vector<base::IpAddress> dns;   // asked for; else the host's
  std::vector<fcvm_publish> publish;  // borrowed texts: for the call only

  std::string ipv6_prefix;  // of which VMs are given addresses; "": the mode's choice

  static Result<Request> read(const fcvm_net_request& from);
};

}  // namespace fcvm::net
