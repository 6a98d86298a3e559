// AddressPool: the /30 networks between the host and its VMs, one each: 172.30.0.0/16 holds 16,384.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "plugins/net/veth/host_network.hpp"
#include "plugins/net/veth/lease.hpp"

namespace fcvm::net {

/// The network between the host and one VM.
struct PairNetwork {
  std::uint64_t number = 0;
  base::IpPrefix host;  // 172.30.0.1/30
  base::IpPrefix vm;    // 172.30.0.2/30
};

/// A pair that is ours while the lease is held.
struct LeasedPair {
  PairNetwork pair;
  Lease lease;
};

class AddressPool {
 public:
  /// "172.30.0.0/16": IPv4, from /8 to /30.
  static Result<AddressPool> parse(const std::string& text);

  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{1} << (30 - prefix_.length); }
  [[nodiscard]] PairNetwork at(std::uint64_t number) const;
  /// The one in which this is a VM's address.
  [[nodiscard]] std::optional<PairNetwork> with_vm(const base::IpAddress& address) const;
  [[nodiscard]] std::string to_string() const { return prefix_.to_string(); }

  /// Takes one that no other VM has and that the host does not use. The search begins at a place
  /// that `vm_id` decides, so that an address is seldom given again soon after its VM has ended.
  /// `directory` is where the leases are.
  Result<LeasedPair> take(const std::string& directory, const std::string& vm_id,
                          const HostNetwork& host, const Call& call) const;
  /// Takes this one, or fails with EADDRINUSE.
  Result<LeasedPair> take_wanted(const std::string& directory, const PairNetwork& pair,
                                 const HostNetwork& host) const;

 private:
  explicit AddressPool(const base::IpPrefix& prefix) : prefix_(prefix) {}
  [[nodiscard]] std::string lease_file(const std::string& directory) const;

  base::IpPrefix prefix_;
};

/// The host's end of the veth pair with this number.
std::string link_name(std::uint64_t number);

/// Spreads text over all numbers, the same way in every process: FNV-1a.
std::uint64_t spread(const std::string& text);

}  // namespace fcvm::net
