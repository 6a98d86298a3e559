// See network.hpp.
#include "agent/boot/network.hpp"

#include <optional>
#include <time.h>

#include "agent/boot/kernel_files.hpp"
#include "core/base/deadline.hpp"
#include "core/base/net/rtnetlink.hpp"

namespace fcvm::agent {
namespace {

using base::LinkChange;
using base::NetworkChange;
using base::Rtnetlink;

base::Route default_route(unsigned link, const base::IpAddress& gateway) {
  base::Route route;
  route.destination = base::IpPrefix::any(gateway.family);
  route.gateway = gateway;
  route.link = link;
  route.gateway_on_link = true;
  return route;
}

Result<std::optional<base::Link>> look_for(Rtnetlink& kernel, const wire::Interface& interface) {
  if (interface.mac.empty()) {
    return kernel.find_link(interface.name.empty() ? "eth0" : interface.name);
  }
  const auto mac = FCVM_TRY(base::MacAddress::parse(interface.mac));
  for (const auto& link : FCVM_TRY(kernel.links())) {
    if (link.mac == mac) return std::optional(link);
  }
  return std::optional<base::Link>();
}

// Waits a while: its driver probes by itself.
Result<base::Link> find_interface(Rtnetlink& kernel, const wire::Interface& interface) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(10));
  do {
    auto found = FCVM_TRY(look_for(kernel, interface));
    if (found) return *std::move(found);
    const timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  } while (!deadline.expired());
  return fail(ENODEV, "finding the network interface " + interface.mac + interface.name);
}

Result<void> set_new_mac(Rtnetlink& kernel, const base::Link& link, const std::string& mac) {
  LinkChange change;
  change.up = false;
  change.mac = FCVM_TRY(base::MacAddress::parse(mac));
  NetworkChange requests;
  requests.set_link(link.index, link.name, change);
  return kernel.apply(requests);
}

Result<void> configure(Rtnetlink& kernel, const wire::Interface& interface) {
  const auto link = FCVM_TRY(find_interface(kernel, interface));
  if (!interface.new_mac.empty()) FCVM_TRY(set_new_mac(kernel, link, interface.new_mac));
  // So that addresses are announced when they are added or their link comes up.
  static_cast<void>(write_file("/proc/sys/net/ipv4/conf/" + link.name + "/arp_notify", "1"));
  static_cast<void>(write_file("/proc/sys/net/ipv6/conf/" + link.name + "/ndisc_notify", "1"));
  static_cast<void>(write_file("/proc/sys/net/ipv6/conf/" + link.name + "/accept_dad", "0"));
  // The plan has every address and route; whoever else advertises some is not to be believed.
  static_cast<void>(write_file("/proc/sys/net/ipv6/conf/" + link.name + "/accept_ra", "0"));
  NetworkChange requests;
  LinkChange up;
  up.up = true;
  up.mtu = interface.mtu;
  requests.set_link(link.index, link.name, up);
  for (const auto& address : interface.addresses) {
    requests.add_address(link.index, FCVM_TRY(base::IpPrefix::parse(address)));
  }
  for (const auto* gateway : {&interface.gateway4, &interface.gateway6}) {
    if (gateway->empty()) continue;
    requests.add_route(default_route(link.index, FCVM_TRY(base::IpAddress::parse(*gateway))));
  }
  return kernel.apply(requests);
}

Result<void> raise_loopback(Rtnetlink& kernel) {
  const auto loopback = FCVM_TRY(kernel.link("lo"));
  LinkChange up;
  up.up = true;
  NetworkChange requests;
  requests.set_link(loopback.index, loopback.name, up);
  return kernel.apply(requests);
}

}  // namespace

Result<void> configure_interface(const wire::Interface& interface) {
  auto kernel = FCVM_TRY(Rtnetlink::open());
  return configure(kernel, interface);
}

Result<void> configure_network(const wire::Network& network, const std::string& hostname) {
  auto kernel = FCVM_TRY(Rtnetlink::open());
  FCVM_TRY(raise_loopback(kernel));
  for (const auto& interface : network.interfaces) FCVM_TRY(configure(kernel, interface));
  if (!network.dns.empty()) FCVM_TRY(write_file("/etc/resolv.conf", resolv_conf(network)));
  return write_file("/etc/hosts", hosts_file(network, hostname));
}

std::string resolv_conf(const wire::Network& network) {
  std::string text;
  const auto line = [&](const char* key, const std::vector<std::string>& words) {
    if (words.empty()) return;
    text += key;
    for (const auto& word : words) text += " " + word;
    text += "\n";
  };
  for (const auto& server : network.dns) text += "nameserver " + server + "\n";
  line("search", network.search);
  line("options", network.dns_options);
  return text;
}

std::string hosts_file(const wire::Network& network, const std::string& hostname) {
  std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  if (!hostname.empty()) text += "127.0.1.1 " + hostname + "\n";
  for (const auto& entry : network.hosts) text += entry.address + " " + entry.names + "\n";
  return text;
}

}  // namespace fcvm::agent
