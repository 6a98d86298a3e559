// Remains: what outlives a supervisor that is killed, as it is recorded through state/1 before it
// is made. All the rest, namespace, links, leases and held ports, goes with the process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>

#include "core/base/net/rtnetlink.hpp"
#include "plugins/net/veth/nft.hpp"

namespace fcvm::net {

/// An address that the host answers for on a link, in the VM's place (proxy NDP).
struct ProxiedAddress {
  std::string link;
  base::IpAddress address;
  std::string lease_file;  // who holds this number there has the address
  std::uint64_t lease = 0;
};

struct Remains {
  std::string directory;                   // of leases and saved settings
  std::string table;                       // of nf_tables
  std::vector<base::IpAddress> addresses;  // of the VM, as the host knew it
  bool foreign_rules = false;  // in other firewalls' tables, with `table` as their comment
  std::vector<std::string> settings;
  std::optional<ProxiedAddress> proxied;

  Result<void> remember(const Host& host) const;
  /// What a dead supervisor recorded, or nothing.
  static Result<std::optional<Remains>> recall(const Host& host);
  static Result<void> forget(const Host& host);

  /// Undoes them, each whether or not it was made. The first error; the others are tried anyway.
  [[nodiscard]] Result<void> undo_of_dead(base::Rtnetlink& kernel, Nft& nft) const;
};

Result<void> proxy_address(const ProxiedAddress& proxied, base::Rtnetlink& kernel);
/// It need not be proxied, and its link need not exist any more.
Result<void> stop_proxying(const ProxiedAddress& proxied, base::Rtnetlink& kernel);

}  // namespace fcvm::net
