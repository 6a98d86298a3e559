// See tap_filter.hpp.
#include "plugins/net/common/tap_filter.hpp"

#include <algorithm>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/net/nf_tables.hpp"

namespace fcvm::net {

namespace {

using base::NfRule;
using base::NfTables;

constexpr const char* kTable = "fcvm_tap";
constexpr const char* kChain = "from_guest";
constexpr const char* kHostSet[] = {"host_ipv4", "host_ipv6"};
/// The longest packet is 64 KiB, offloading included, and one of them has to get through.
constexpr std::uint64_t kLeastBurst = 256 * 1024;
constexpr std::uint64_t kMostBurst = 64 * 1024 * 1024;

struct Family {
  int family;
  std::uint16_t ethernet;
  const char* chain;
  const char* set;
  /// A socket on the host that is connected there reaches the host itself, or whoever listens to a
  /// group on the host.
  std::vector<const char*> never;
  /// Where a machine's cloud answers questions about the machine: link-local, and elsewhere.
  std::vector<const char*> link_local;
};

const Family& v4() {
  static const Family family{AF_INET,
                             ETH_P_IP,
                             "ipv4",
                             kHostSet[0],
                             {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255"},
                             // Azure's, Alibaba's, Oracle's first one.
                             {"169.254.0.0/16", "168.63.129.16", "100.100.100.200", "192.0.0.192"}};
  return family;
}

const Family& v6() {
  static const Family family{
      AF_INET6,
      ETH_P_IPV6,
      "ipv6",
      kHostSet[1],
      // ::, ::1 and the two notations of IPv4 addresses.
      {"::/80", "ff00::/8"},
      // EC2's, Google's; 169.254.0.0/16, 168.63.129.16 and 100.100.100.200 through a NAT64.
      {"fe80::/10", "fd00:ec2::/32", "fd20:ce::254", "64:ff9b::a9fe:0/112", "64:ff9b::a83f:8110",
       "64:ff9b::6464:64c8"}};
  return family;
}

base::IpPrefix prefix(const char* text) { return base::IpPrefix::parse(text).value(); }

NfRule& limited(NfRule& rule, const PortSpan& span) {
  if (span.protocol != 0) rule.transport(span.protocol);
  if (span.first != 0) rule.ports(span.first, span.last);
  return rule;
}

void accept_openings(NfTables& tables, const TapPolicy& policy, const Family& of) {
  for (const auto& own : policy.own) {
    if (own.family != of.family) continue;
    tables.add_rule(of.chain, NfRule().to(base::IpPrefix::host(own)).accept());
  }
  for (const auto& opening : policy.openings) {
    if (opening.address.family != of.family) continue;
    NfRule rule;
    tables.add_rule(
        of.chain, limited(rule.to(base::IpPrefix::host(opening.address)), opening.ports).accept());
  }
}

void reject_all(NfTables& tables, const Family& of, const std::vector<const char*>& prefixes) {
  for (const char* one : prefixes) {
    tables.add_rule(of.chain, NfRule().to(prefix(one)).reject());
  }
}

void close_host(NfTables& tables, const TapPolicy& policy, const Family& of) {
  for (const auto& span : policy.host_ports) {
    NfRule rule;
    tables.add_rule(of.chain, limited(rule.to_any_of(of.set, of.family), span).accept());
  }
  tables.add_rule(of.chain, NfRule().to_any_of(of.set, of.family).reject());
}

void add_family(NfTables& tables, const TapPolicy& policy, const Family& of) {
  tables.add_chain(of.chain);
  tables.add_set(of.set, of.family);
  tables.add_rule(kChain, NfRule().ethernet(of.ethernet).go_to(of.chain));
  // Who is on the link, and who listens to a group there: of the link itself, never carried on.
  if (of.family == AF_INET6) {
    tables.add_rule(of.chain, NfRule().icmpv6_types(130, 136).accept());
    tables.add_rule(of.chain, NfRule().icmpv6_types(143, 143).accept());
  }
  accept_openings(tables, policy, of);
  for (const auto& inside : policy.inside) {
    if (inside.address.family == of.family) tables.add_rule(of.chain, NfRule().to(inside).reject());
  }
  reject_all(tables, of, of.never);
  if (!policy.link_local) reject_all(tables, of, of.link_local);
  if (!policy.host_addresses) close_host(tables, policy, of);
  tables.add_rule(of.chain, NfRule().accept());
}

Result<std::vector<PortSpan>> read_spans(const fcvm_net_opening& asked) {
  const std::uint32_t count = asked.count == 0 ? 1 : asked.count;
  if (asked.first_port == 0) return std::vector<PortSpan>{{}};
  if (asked.first_port + count - 1 > 65535) {
    return fail(EINVAL, "opening " + std::to_string(count) + " port(s) from " +
                            std::to_string(asked.first_port) +
                            ": ports are numbered from 1 to 65535");
  }
  const auto last = static_cast<std::uint16_t>(asked.first_port + count - 1);
  std::vector<PortSpan> spans;
  for (const std::uint32_t protocol : {FCVM_PROTO_TCP, FCVM_PROTO_UDP}) {
    if (asked.protocol != 0 && asked.protocol != protocol) continue;
    spans.push_back({static_cast<std::uint8_t>(protocol), asked.first_port, last});
  }
  if (!spans.empty()) return spans;
  return fail(EINVAL, "opening a port: protocol " + std::to_string(asked.protocol) + " is unknown");
}

}  // namespace

Result<AskedOpenings> AskedOpenings::read(const fcvm_net_request& request) {
  AskedOpenings asked;
  asked.loopback = (request.flags & FCVM_NET_NO_HOST_LOOPBACK) == 0;
  asked.host_addresses = (request.flags & FCVM_NET_HOST_ADDRESSES) != 0;
  asked.link_local = (request.flags & FCVM_NET_LINK_LOCAL) != 0;
  for (const auto& one : sized_elements(request.openings, request.opening_count)) {
    const auto spans = FCVM_TRY(read_spans(one));
    if (one.what == FCVM_OPEN_ADDRESS) {
      const auto address =
          FCVM_TRY(base::IpAddress::parse(one.address == nullptr ? "" : one.address));
      for (const auto& span : spans) asked.elsewhere.push_back({address, span});
      continue;
    }
    if (one.what != FCVM_OPEN_HOST_LOOPBACK && one.what != FCVM_OPEN_HOST_ADDRESSES) {
      return fail(ENOTSUP, "opening " + std::to_string(one.what) + ": this network knows no such");
    }
    auto& into = one.what == FCVM_OPEN_HOST_LOOPBACK ? asked.of_loopback : asked.of_host;
    into.insert(into.end(), spans.begin(), spans.end());
  }
  return asked;
}

std::uint32_t burst_of_rate(std::uint64_t bytes_per_second) {
  return static_cast<std::uint32_t>(std::clamp(bytes_per_second / 10, kLeastBurst, kMostBurst));
}

void open_port(std::vector<Opening>& openings, const base::IpAddress& address, std::uint16_t port) {
  openings.push_back({address, {IPPROTO_UDP, port, port}});
  openings.push_back({address, {IPPROTO_TCP, port, port}});
}

Result<void> make_tap_filter(base::NetlinkSocket& socket, const TapPolicy& policy,
                             const std::vector<base::IpAddress>& host) {
  NfTables tables(kTable);
  tables.add_table();
  tables.add_ingress_chain(kChain, policy.link);
  if (policy.bytes_per_second != 0) {
    // A second's worth comes at once as it is.
    const std::uint64_t burst = kLeastBurst - std::min(kLeastBurst, policy.bytes_per_second);
    const auto more = static_cast<std::uint32_t>(burst);
    tables.add_rule(kChain, NfRule().faster_than(policy.bytes_per_second, more).drop());
  }
  tables.add_rule(kChain, NfRule().ethernet(ETH_P_ARP).accept());
  for (const Family* family : {&v4(), &v6()}) {
    add_family(tables, policy, *family);
    tables.fill_set(family->set, family->family, host);
  }
  return tables.commit(socket, "closing what the guest may not reach") |
         remedy(
             "modprobe nf_tables; the kernel needs CONFIG_NF_TABLES_NETDEV and "
             "CONFIG_NFT_REJECT_NETDEV");
}

Result<void> renew_host_addresses(base::NetlinkSocket& socket,
                                  const std::vector<base::IpAddress>& host) {
  NfTables tables(kTable);
  for (const Family* family : {&v4(), &v6()}) {
    tables.empty_set(family->set);
    tables.fill_set(family->set, family->family, host);
  }
  return tables.commit(socket, "closing the host's new addresses to the guest");
}

}  // namespace fcvm::net
