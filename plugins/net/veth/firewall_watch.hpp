// FirewallWatch: owns a socket on which the kernel tells that a table of nf_tables was deleted: a
// firewall that is loaded anew takes the tables of all others away.
#pragma once

#include <fcvm/result.hpp>

#include "core/base/net/netlink.hpp"

namespace fcvm::net {

class FirewallWatch {
 public:
  /// Of the calling thread's network namespace.
  static Result<FirewallWatch> open();

  /// Readable when tables have changed.
  [[nodiscard]] int fd() const { return socket_.fd(); }
  /// Whether some table was deleted since the last time, or may have been. Never waits.
  Result<bool> table_deleted();

 private:
  explicit FirewallWatch(base::NetlinkSocket socket) : socket_(std::move(socket)) {}

  base::NetlinkSocket socket_;
};

}  // namespace fcvm::net
