// See firewall.hpp.
#include "plugins/net/veth/firewall.hpp"

#include <map>
#include <utility>

#include "plugins/net/common/listener.hpp"
#include "plugins/net/veth/inside.hpp"
#include "plugins/net/veth/wiring.hpp"

namespace fcvm::net {

namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
std::string every_vm() { return quoted(std::string(kLinkPrefix) + "*"); }

const char* word_for(const base::IpAddress& address) { return address.is_v4() ? "ip" : "ip6"; }

bool is_any(const base::IpAddress& address) {
  return address == base::IpPrefix::any(address.family).address;
}

/// "dnat ip to 172.30.0.2 : tcp dport map { 8080 : 80 }" for one protocol and address of the host.
struct PortMap {
  std::string elements;

  void add(std::uint16_t host_port, std::uint16_t guest_port) {
    if (!elements.empty()) elements += ", ";
    elements += std::to_string(host_port) + " : " + std::to_string(guest_port);
  }
};

struct Where {
  std::uint32_t protocol;
  std::string address;
  bool host_only;

  friend auto operator<=>(const Where&, const Where&) = default;
};
using PortMaps = std::map<Where, PortMap>;

PortMaps group(const HostPorts& ports) {
  PortMaps maps;
  for (const auto& [key, held] : ports.list()) {
    maps[{key.protocol, key.address, held.host_only}].add(key.port, held.guest_port);
  }
  return maps;
}

/// Which packets are meant for this address of the host. A guest calls the host's 127.0.0.1 by
/// another name.
std::vector<std::string> meant_for(const base::IpAddress& address) {
  if (!address.is_v4()) {
    if (is_any(address)) return {"meta nfproto ipv6 ip6 daddr != ::1 fib daddr type local"};
    return {"ip6 daddr " + address.to_string()};
  }
  const std::string from_guest = "iifname " + every_vm() + " ip daddr " + kInsideGateway;
  if (is_any(address)) return {"meta nfproto ipv4 fib daddr type local", from_guest};
  if (address.to_string() == "127.0.0.1") return {"ip daddr 127.0.0.1", from_guest};
  return {"ip daddr " + address.to_string()};
}

/// `from_outside`: in the chain that packets from other machines, and from VMs, pass; else in that
/// of the host's own. What is published on the VM's own address is for the host alone, as is what
/// was published so.
std::string published(const Firewall& firewall, const HostPorts& ports, bool from_outside) {
  const std::string chain = firewall.table + (from_outside ? " published" : " output");
  std::string rules;
  for (const auto& [where, map] : group(ports)) {
    const auto parsed = base::IpAddress::parse(where.address);
    const bool host_only = where.host_only || where.address == ports.own_address();
    if (!parsed || (host_only && from_outside)) continue;
    const auto& to = parsed->is_v4() ? firewall.ipv4 : firewall.ipv6.value_or(firewall.ipv4);
    const std::string protocol = where.protocol == FCVM_PROTO_TCP ? "tcp" : "udp";
    const std::string target =
        to.outside.is_v4() ? to.outside.to_string() : "[" + to.outside.to_string() + "]";
    for (const auto& condition : meant_for(*parsed)) {
      const bool has_input = condition.rfind("iifname", 0) == 0;
      if (has_input && !from_outside) continue;
      rules += "add rule inet " + chain + " " + condition + " meta l4proto " + protocol + " dnat " +
               word_for(to.outside) + " to " + target + " : " + protocol + " dport map { " +
               map.elements + " }\n";
    }
  }
  return rules;
}

/// "meta l4proto tcp th dport 80-89 ", or nothing when all is meant.
std::string condition(const PortSpan& span) {
  std::string text;
  if (span.protocol != 0) text += "meta l4proto " + std::to_string(span.protocol) + " ";
  if (span.first != 0) {
    text += "th dport " + std::to_string(span.first) + "-" + std::to_string(span.last) + " ";
  }
  return text;
}

/// What the guest finds at its gateway's and resolvers' addresses.
std::string services(const Firewall& firewall) {
  const std::string rule = "add rule inet " + firewall.table + " services iifname " +
                           quoted(firewall.link) + " ip daddr ";
  std::string rules;
  for (const auto& span : firewall.loopback) {
    rules += rule + kInsideGateway + " " + condition(span) + "dnat ip to 127.0.0.1\n";
  }
  const auto count = firewall.resolvers.size();
  for (int i = 0; count != 0 && i < kMostResolvers; ++i) {
    const auto& real = firewall.resolvers[static_cast<std::size_t>(i) % count];
    rules += rule + inside_resolver(i).to_string() +
             " meta l4proto { tcp, udp } th dport 53 dnat ip to " + real.to_string() + "\n";
  }
  return rules;
}

/// Packets leave with an address to which answers find back.
std::string masquerading(const Firewall& firewall) {
  const std::string rule = "add rule inet " + firewall.table + " postrouting ";
  const std::string link = quoted(firewall.link);
  const std::string own = firewall.ipv4.outside.to_string();
  // From the host's loopback, and from the guest to its own published port.
  std::string rules =
      rule + "oifname " + link + " ip saddr { 127.0.0.0/8, " + own + " } masquerade\n";
  rules += rule + "oifname != " + link + " ip saddr " + own + " masquerade\n";
  if (!firewall.ipv6) return rules;
  const std::string own6 = firewall.ipv6->outside.to_string();
  rules += rule + "oifname " + link + " ip6 saddr " + own6 + " masquerade\n";
  if (firewall.masquerade6) {
    rules += rule + "oifname != " + link + " ip6 saddr " + own6 + " masquerade\n";
  }
  return rules;
}

std::string forwarding(const Firewall& firewall) {
  const std::string rule = "add rule inet " + firewall.table + " ";
  std::string rules = rule + "forward iifname " + quoted(firewall.link) + " jump from_vm\n" + rule +
                      "forward oifname " + quoted(firewall.link) + " jump to_vm\n";
  // A port that is published is for everybody, other VMs included; apart from that they are apart.
  rules += rule + "from_vm ct status dnat accept\n";
  rules += rule + "from_vm oifname " + every_vm() + " reject with icmpx admin-prohibited\n";
  rules += rule + "from_vm accept\n";
  rules += rule + "to_vm ct state established,related accept\n";
  rules += rule + "to_vm ct status dnat accept\n";
  if (firewall.ipv6 && firewall.reachable6) {
    rules += rule + "to_vm ip6 daddr " + firewall.ipv6->outside.to_string() + " accept\n";
  }
  rules += rule + "to_vm drop\n";
  return rules;
}

/// Whatever comes in by the VM's link and is for the host itself, by whichever address: answers,
/// what was published or translated, and what was opened.
std::string closing(const Firewall& firewall) {
  const std::string rule = "add rule inet " + firewall.table + " ";
  const std::string own = rule + "to_host ";
  std::string rules = rule + "local iifname " + quoted(firewall.link) + " jump to_host\n";
  rules += own + "ct state established,related accept\n" + own + "ct status dnat accept\n";
  rules += own + "socket mark " + std::to_string(kPublishedMark) + " accept\n";
  rules += own + "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n";
  if (firewall.host_addresses) return rules + own + "accept\n";
  for (const auto& span : firewall.host_ports) rules += own + condition(span) + "accept\n";
  for (const auto& opening : firewall.host_openings) {
    rules += own + word_for(opening.address) + " daddr " + opening.address.to_string() + " " +
             condition(opening.ports) + "accept\n";
  }
  return rules + own + "reject with icmpx admin-prohibited\n";
}

std::string chain(const std::string& table, const std::string& name, const std::string& hook) {
  const std::string base = hook.empty() ? "" : " { " + hook + "; }";
  return "add chain inet " + table + " " + name + base + "\n";
}

/// In the namespace: a guest sends from its own addresses only.
std::string guard(const Firewall& firewall) {
  const std::string rule = std::string("add rule inet fcvm guard iifname ") + quoted(kTap) + " ";
  const std::string own6 = firewall.ipv6 ? firewall.ipv6->inside.to_string() + ", " : "";
  return rule + "ip saddr != " + firewall.ipv4.inside.to_string() + " drop\n" + rule +
         "ip daddr 127.0.0.0/8 drop\n" + rule + "ip6 saddr != { " + own6 + "fe80::/10, :: } drop\n";
}

std::string translate(const Translation& pair) {
  if (pair.inside == pair.outside) return {};
  const std::string word = word_for(pair.inside);
  const std::string inside = pair.inside.to_string();
  const std::string outside = pair.outside.to_string();
  const std::string rule = "add rule inet fcvm ";
  return rule + "incoming iifname " + quoted(kInnerLink) + " " + word + " daddr " + outside +
         " dnat " + word + " to " + inside + "\n" + rule + "outgoing oifname " +
         quoted(kInnerLink) + " " + word + " saddr " + inside + " snat " + word + " to " + outside +
         "\n";
}

}  // namespace

std::string host_table(const Firewall& firewall, const HostPorts* ports) {
  const std::string& table = firewall.table;
  std::string text = "create table inet " + table + "\n";
  // Before the services: what is published on 127.0.0.1 is there for guests too.
  text += chain(table, "published", "type nat hook prerouting priority -101");
  text += chain(table, "services", "type nat hook prerouting priority -100");
  text += chain(table, "output", "type nat hook output priority -100");
  text += chain(table, "input", "type nat hook input priority 100");
  text += chain(table, "postrouting", "type nat hook postrouting priority 100");
  text += chain(table, "from_vm", "");
  text += chain(table, "to_vm", "");
  text += chain(table, "to_host", "");
  text += chain(table, "forward", "type filter hook forward priority 0");
  text += chain(table, "local", "type filter hook input priority 0");
  text += chain(table, "martians", "type filter hook prerouting priority -300");
  // Where the link routes to the loopback, then for what is translated to it alone.
  text += "add rule inet " + table + " martians iifname " + quoted(firewall.link) +
          " ip daddr 127.0.0.0/8 drop\n";
  text += services(firewall);
  // Local services, and resolvers more than others, answer those who call from a local address.
  text += "add rule inet " + table + " input iifname " + quoted(firewall.link) +
          " ip daddr 127.0.0.0/8 snat ip to 127.0.0.1\n";
  text += masquerading(firewall) + forwarding(firewall) + closing(firewall);
  if (ports != nullptr) {
    text += published(firewall, *ports, true) + published(firewall, *ports, false);
  }
  return text;
}

std::string republish(const Firewall& firewall, const HostPorts& ports) {
  return "flush chain inet " + firewall.table + " published\nflush chain inet " + firewall.table +
         " output\n" + published(firewall, ports, true) + published(firewall, ports, false);
}

std::string inside_table(const Firewall& firewall) {
  std::string text = "add table inet fcvm\n";
  text += chain("fcvm", "guard", "type filter hook prerouting priority -300");
  text += chain("fcvm", "incoming", "type nat hook prerouting priority -100");
  text += chain("fcvm", "outgoing", "type nat hook postrouting priority 100");
  text += guard(firewall) + translate(firewall.ipv4);
  if (firewall.ipv6) text += translate(*firewall.ipv6);
  return text;
}

}  // namespace fcvm::net
