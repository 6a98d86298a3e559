// Publishing of VethNetwork: ports of the host that lead to the VM by address translation.
#include <algorithm>
#include <netinet/in.h>

#include "plugins/net/veth/veth_network.hpp"

namespace fcvm::net {

/// UDP knows of no end: clients of a port go on as they began, be it that nobody had published it
/// yet. TCP connections that are open are to go on. The port is what was asked for in any case.
void VethNetwork::begin_sessions_anew(const Published& changed) {
  if (changed.protocol != FCVM_PROTO_UDP) return;
  if (auto forgotten = forget_sessions(changed); !forgotten) {
    host_.warning("those who spoke to a port before go on as they began: " +
                  forgotten.error().message());
  }
}

Result<void> VethNetwork::forget_sessions(const Published& changed) {
  const auto at = FCVM_TRY(base::IpAddress::parse(changed.address));
  const bool anywhere = at == base::IpPrefix::any(at.family).address;
  const auto own = at.is_v4() || !plan_->ipv6 ? plan_->pair.vm.address : plan_->ipv6->outside;
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  const auto addresses = FCVM_TRY(kernel.addresses(at.family));
  return connections_->forget(at.family, [&](const Connection& one) {
    if (one.protocol != IPPROTO_UDP || one.to_port < changed.host_port ||
        one.to_port >= changed.host_port + changed.count || !(anywhere || one.to == at)) {
      return false;
    }
    const bool of_host = std::any_of(addresses.begin(), addresses.end(), [&](const auto& each) {
      return each.prefix.address == one.to;
    });
    return one.answered_by == own || (of_host && one.answered_by == one.to);
  });
}

Result<Published> VethNetwork::publish(const fcvm_publish& wanted) {
  if (!plan_ || !plan_->ports) return fail(ENOTCONN, "publishing a port: there is no network");
  const Published taken = FCVM_TRY(plan_->ports->add(wanted));
  auto done = nft_->run(republish(plan_->firewall, *plan_->ports), "publishing a port");
  if (!done) {
    plan_->ports->drop(taken);
    return unexpected(std::move(done).error());
  }
  begin_sessions_anew(taken);
  return taken;
}

Result<void> VethNetwork::unpublish(const fcvm_publish& unwanted) {
  if (!plan_ || !plan_->ports) return fail(ENOTCONN, "there is no network");
  HostPorts::Removed gone = FCVM_TRY(plan_->ports->remove(unwanted));
  auto done = nft_->run(republish(plan_->firewall, *plan_->ports), "withdrawing a port");
  if (!done) {
    plan_->ports->put_back(std::move(gone));
    return done;
  }
  begin_sessions_anew(gone.ports);
  return {};
}

}  // namespace fcvm::net
