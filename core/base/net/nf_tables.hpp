// NfTables: the rules of one nf_tables table of the family netdev, which sees what comes in by a
// link before anybody else does, bridges included. Spoken by netlink, without a library.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/net/address.hpp"
#include "core/base/net/netlink.hpp"

namespace fcvm::base {

/// What a packet has to be, and what is then done with it; conditions are looked at in order.
class NfRule {
 public:
  /// An Ethernet protocol: ETH_P_IP...
  NfRule& ethernet(std::uint16_t protocol);
  NfRule& to(const IpPrefix& destination);
  /// In a set that add_set() made for addresses of this family.
  NfRule& to_any_of(const std::string& set, int family);
  /// IPPROTO_TCP...; behind the extension headers of IPv6.
  NfRule& transport(std::uint8_t protocol);
  /// Of TCP or UDP: both ends are meant. No fragment but the first has ports.
  NfRule& ports(std::uint16_t first, std::uint16_t last);
  NfRule& icmpv6_types(std::uint8_t first, std::uint8_t last);
  /// More comes than that; what is beyond is meant. A second's worth and `burst` come at once.
  NfRule& faster_than(std::uint64_t bytes_per_second, std::uint32_t burst);

  NfRule& accept();
  NfRule& drop();
  /// The sender is told at once that this is forbidden.
  NfRule& reject();
  NfRule& go_to(const std::string& chain);

 private:
  friend class NfTables;
  struct Expression {
    std::string name;
    std::function<void(NetlinkMessage&)> fill;
  };
  NfRule& add(std::string name, std::function<void(NetlinkMessage&)> fill);
  NfRule& load(std::uint32_t base, std::uint32_t offset, std::uint32_t size);
  NfRule& compare(std::uint32_t how, const std::string& bytes);
  NfRule& verdict(std::int32_t code, const std::string& chain = {});

  std::vector<Expression> expressions_;
};

/// Changes to the table, made in one transaction: all of them or none.
class NfTables {
 public:
  explicit NfTables(std::string table) : table_(std::move(table)) {}

  void add_table();
  /// What comes in by `link` passes this chain; what it does not accept is dropped.
  void add_ingress_chain(const std::string& name, const std::string& link);
  void add_chain(const std::string& name);
  void add_set(const std::string& name, int family);
  /// Only addresses of the set's family are taken.
  void fill_set(const std::string& name, int family, const std::vector<IpAddress>& addresses);
  void empty_set(const std::string& name);
  void add_rule(const std::string& chain, const NfRule& rule);

  /// `socket` is a NETLINK_NETFILTER one of the namespace that is meant.
  Result<void> commit(NetlinkSocket& socket, const std::string& doing);

 private:
  NetlinkMessage& begin(std::uint16_t type, std::uint16_t flags);

  std::string table_;
  std::uint32_t sets_ = 0;
  std::vector<NetlinkMessage> messages_;
};

}  // namespace fcvm::base
