// See plan.hpp.
#include "plugins/net/veth/plan.hpp"

#include <algorithm>
#include <netinet/in.h>

#include "plugins/net/veth/inside.hpp"

namespace fcvm::net {

namespace {

constexpr std::uint32_t kUsualMtu = 1500;
constexpr std::uint16_t kDnsPort = 53;

struct Addresses {
  LeasedPair outside;
  base::IpPrefix inside;
};

/// `--ip` is either the address that the guest has, or that by which the host knows the VM.
Result<Addresses> choose_addresses(const Request& request, const AddressPool& pool,
                                   const std::string& directory, const HostNetwork& host,
                                   const Call& call) {
  const base::IpPrefix usual = prefix(kInsideGuest);
  const base::IpPrefix wanted = request.ipv4.value_or(usual);
  const auto pair = request.reattach ? std::nullopt : pool.with_vm(wanted.address);
  if (pair) return Addresses{FCVM_TRY(pool.take_wanted(directory, *pair, host)), usual};
  auto inside = inside_ipv4(wanted, request.reattach);
  if (!inside && !request.reattach) {
    return fail(EINVAL,
                "the address " + wanted.address.to_string() + " is neither of " + kInsideNetwork +
                    ", where guests are inside, nor a VM's of " + pool.to_string(),
                "choose one from 10.0.2.6 to 10.0.2.254, or such as " +
                    pool.at(pool.size() / 2).vm.address.to_string());
  }
  if (!inside) return unexpected(std::move(inside).error());
  return Addresses{FCVM_TRY(pool.take(directory, request.vm_id, host, call)), *inside};
}

/// A resolver that the user named. The host's loopback has another address in the guest.
Result<base::IpAddress> as_guest_knows(const base::IpAddress& server) {
  if (!server.is_loopback()) return server;
  if (server == address("127.0.0.1")) return address(kInsideGateway);
  return fail(EINVAL, "the guest cannot reach the resolver " + server.to_string() + " of the host",
              "name 127.0.0.1, or leave --dns away: then the host's own resolvers are used");
}

/// The guest asks at addresses that are the same on every host; the host's table knows whom to ask
/// really.
Result<void> choose_resolvers(Plan& plan, const Request& request, const std::string& resolv_conf) {
  for (const auto& server : request.dns) {
    plan.guest_resolvers.push_back(FCVM_TRY(as_guest_knows(server)));
  }
  if (!request.dns.empty()) return {};
  std::vector<base::IpAddress> only_ipv6;
  for (const auto& server : FCVM_TRY(resolvers_of(resolv_conf))) {
    const bool elsewhere = !server.is_loopback() && !server.is_link_local();
    if (server.is_v4()) {
      plan.firewall.resolvers.push_back(server);
    } else if (plan.ipv6 && elsewhere) {
      only_ipv6.push_back(server);
    }
  }
  const int count = static_cast<int>(plan.firewall.resolvers.size());
  for (int i = 0; i < count; ++i) plan.guest_resolvers.push_back(inside_resolver(i));
  if (count == 0) plan.guest_resolvers = only_ipv6;
  return {};
}

std::uint32_t choose_mtu(const Request& request, const HostNetwork& host) {
  if (request.mtu != 0) return request.mtu;
  const auto uplink = host.default_link(AF_INET);
  return uplink && uplink->mtu != 0 ? std::min(uplink->mtu, kUsualMtu) : kUsualMtu;
}

void fill_firewall(Plan& plan, const Request& request) {
  Firewall& firewall = plan.firewall;
  firewall.table = "fcvm_" + request.vm_id;
  std::replace(firewall.table.begin(), firewall.table.end(), '-', '_');
  firewall.link = link_name(plan.pair.number);
  firewall.ipv4 = {plan.guest4.address, plan.pair.vm.address};
  firewall.loopback = request.open.of_loopback;
  if (request.open.loopback) firewall.loopback.emplace_back();
  firewall.host_addresses = request.open.host_addresses;
  firewall.host_ports = request.open.of_host;
  firewall.host_openings = request.open.elsewhere;
  if (!plan.ipv6) return;
  firewall.ipv6 = Translation{plan.ipv6->guest.address, plan.ipv6->outside};
  firewall.masquerade6 = plan.ipv6->masquerade;
  firewall.reachable6 = plan.ipv6->reachable;
}

/// A resolver is asked wherever it is, by port 53.
void open_resolvers(Plan& plan) {
  for (const auto& server : plan.guest_resolvers) {
    open_port(plan.filter.openings, server, kDnsPort);
    open_port(plan.firewall.host_openings, server, kDnsPort);
    if (server != address(kInsideGateway)) continue;
    plan.firewall.loopback.push_back({IPPROTO_UDP, kDnsPort, kDnsPort});
    plan.firewall.loopback.push_back({IPPROTO_TCP, kDnsPort, kDnsPort});
  }
}

/// What the host itself is reached by is the affair of its own table, which knows what is
/// published; the filter closes what lies elsewhere.
void fill_filter(Plan& plan, const Request& request) {
  TapPolicy& filter = plan.filter;
  filter.link = kTap;
  filter.own = {address(kInsideOwn), address(kInsideGateway6)};
  filter.inside = {prefix(kInsideNetwork), prefix(kInsideNetwork6)};
  filter.openings = request.open.elsewhere;
  open_resolvers(plan);
  for (const auto& span : plan.firewall.loopback) {
    filter.openings.push_back({address(kInsideGateway), span});
  }
  // Whether the gateway is there may be asked of everybody's gateway.
  filter.openings.push_back({address(kInsideGateway), {IPPROTO_ICMP, 0, 0}});
  filter.link_local = request.open.link_local;
  filter.host_addresses = true;
  filter.bytes_per_second = request.rate_out;
}

void decide_loopback(Plan& plan, const Request& request) {
  plan.names_gateway = request.open.reaches_loopback();
  const auto& resolvers = plan.firewall.resolvers;
  const bool local_resolver = std::any_of(resolvers.begin(), resolvers.end(),
                                          [](const auto& one) { return one.is_loopback(); });
  // A port that is published on 127.0.0.1, perhaps later, is called from there.
  plan.routes_to_loopback = !plan.firewall.loopback.empty() || local_resolver || plan.ports;
}

void fill_remains(Plan& plan) {
  plan.remains.directory = plan.directory;
  plan.remains.table = plan.firewall.table;
  plan.remains.addresses.push_back(plan.pair.vm.address);
  if (plan.ipv6) plan.remains.addresses.push_back(plan.ipv6->outside);
  plan.remains.foreign_rules =
      std::any_of(plan.foreign_chains.begin(), plan.foreign_chains.end(),
                  [](const ForeignChain& chain) { return chain.takes_rules; });
  for (const auto& setting : plan.settings) plan.remains.settings.push_back(setting.name);
  if (!plan.ipv6 || plan.ipv6->ndp_proxy.empty()) return;
  plan.remains.proxied = ProxiedAddress{plan.ipv6->ndp_proxy, plan.ipv6->outside,
                                        plan.ipv6->lease_file, plan.ipv6->lease.number()};
}

}  // namespace

Result<Plan> make_plan(const Request& request, const VethOptions& options, const Mode& mode,
                       base::Rtnetlink& kernel, Nft& nft, const Call& call) {
  const AddressPool pool = FCVM_TRY(AddressPool::parse(options.address_pool));
  Plan plan;
  plan.directory = FCVM_TRY(namespace_directory(options.lease_directory));
  const HostNetwork host = FCVM_TRY(HostNetwork::survey(kernel));
  Addresses addresses = FCVM_TRY(choose_addresses(request, pool, plan.directory, host, call));
  plan.pair = addresses.outside.pair;
  plan.lease = std::move(addresses.outside.lease);
  plan.stale_table = FCVM_TRY(plan.lease.note());
  plan.guest4 = addresses.inside;
  plan.mac = request.mac;
  plan.mtu = choose_mtu(request, host);
  plan.ipv6 = FCVM_TRY(mode.plan_ipv6({request, plan.pair, host, plan.directory}));
  FCVM_TRY(choose_resolvers(plan, request, options.resolv_conf));
  if (mode.translate_ports) {
    plan.ports.emplace(plan.pair.vm.address.to_string(), plan.ipv6.has_value());
    for (const auto& wanted : request.publish) {
      plan.published.push_back(FCVM_TRY(plan.ports->add(wanted)));
    }
  }
  const std::string ndp_proxy = plan.ipv6 ? plan.ipv6->ndp_proxy : "";
  plan.settings = FCVM_TRY(needed_settings(host, {plan.ipv6.has_value(), ndp_proxy}));
  plan.foreign_chains = FCVM_TRY(dropping_chains(nft));
  fill_firewall(plan, request);
  fill_filter(plan, request);
  decide_loopback(plan, request);
  plan.rate_in = request.rate_in;
  fill_remains(plan);
  return plan;
}

}  // namespace fcvm::net
