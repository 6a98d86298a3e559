#include "core/vm/supervisor/guest_network.hpp"

#include <fmt/core.h>

namespace fcvm::vm {
namespace {

wire::Interface interface_of(const Attachment& attachment) {
  wire::Interface made;
  made.mac = attachment.mac;
  made.gateway4 = attachment.gateway_ipv4;
  made.gateway6 = attachment.gateway_ipv6;
  made.mtu = attachment.mtu;
  for (const auto& address : {attachment.guest_ipv4, attachment.guest_ipv6}) {
    if (!address.empty()) made.addresses.push_back(address);
  }
  return made;
}

}  // namespace

Result<wire::Network> guest_network(const NetworkPlan& plan, const Attachment& attachment) {
  wire::Network network;
  if (!attachment.tap.empty()) network.interfaces.push_back(interface_of(attachment));
  network.dns = attachment.dns.empty() ? plan.dns : attachment.dns;
  network.search = plan.dns_search;
  network.dns_options = plan.dns_options;
  for (wire::HostEntry entry : plan.hosts) {
    if (entry.address == kHostGateway) entry.address = attachment.host_gateway;
    if (entry.address.empty()) {
      return fail(ENETUNREACH,
                  fmt::format("--add-host {}:{}: this network has no way to the host's loopback",
                              entry.names, kHostGateway),
                  "give --host-loopback, with the ports that are needed, or name an address");
    }
    network.hosts.push_back(std::move(entry));
  }
  if (!attachment.host_gateway.empty()) {
    network.hosts.push_back(
        {attachment.host_gateway, "host.containers.internal host.docker.internal"});
  }
  return network;
}

}  // namespace fcvm::vm
