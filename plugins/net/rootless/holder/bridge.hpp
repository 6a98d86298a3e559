// Bridge: owns the links of a VM's network namespace: the guest's tap and pasta's, joined by a
// bridge that has addresses of its own for dialling the guest.
//
// pasta takes whatever MAC it last saw for the guest's, and answers ARP and NDP for every address
// but the guest's. So nothing that the bridge itself sends may reach pasta, and nobody may ask
// pasta for the bridge:
//  - where the guest is, is written down (a permanent neighbour, a static forwarding entry), so the
//    bridge never asks aloud;
//  - requests for the bridge's own addresses do not leave by pasta's port;
//  - no link has a link-local address, whose multicasts would be heard everywhere.
#pragma once

#include <fcvm/result.hpp>

#include "core/base/net/rtnetlink.hpp"
#include "plugins/net/rootless/holder_protocol.hpp"

namespace fcvm::rootless {

class Bridge {
 public:
  /// In this process's network namespace, which must be new.
  static Result<Bridge> create(const HolderSetup& setup);

  /// To poll: readable when a link has changed.
  [[nodiscard]] int fd() const { return events_.socket().fd(); }
  /// Looks at what has changed; true when pasta has opened its interface.
  Result<bool> on_event();

 private:
  Bridge(base::Rtnetlink kernel, base::Rtnetlink events, const HolderSetup& setup)
      : kernel_(std::move(kernel)), events_(std::move(events)), setup_(setup) {}
  Result<void> build();
  Result<unsigned> add_tap(const char* name);

  base::Rtnetlink kernel_;
  base::Rtnetlink events_;
  HolderSetup setup_;
};

}  // namespace fcvm::rootless
