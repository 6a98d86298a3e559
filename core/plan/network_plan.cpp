#include "core/plan/network_plan.hpp"

#include <algorithm>

#include <fmt/core.h>

#include <fcvm/net.h>

#include "core/base/io/file.hpp"
#include "core/base/net/address.hpp"
#include "core/log/log.hpp"
#include "core/plan/choose.hpp"
#include "core/plan/network_options.hpp"
#include "core/vm/model/port.hpp"
#include "core/vm/model/proxies.hpp"

namespace fcvm::plan {
namespace {

/// The options that mean nothing without a network, as they were given.
std::string needs_network(const vm::NetworkPlan& plan, const config::Config& config) {
  // A profile may open the host to whatever has a network.
  const auto given = [&](const char* name) {
    return config.origin("run", name).layer == config::Layer::kCommandLine;
  };
  if (given("host-loopback") && plan.host_loopback.any()) return "--host-loopback";
  if (given("host-addresses") && plan.host_addresses.any()) return "--host-addresses";
  if (given("link-local") && plan.link_local) return "--link-local";
  if (!config.list("run", "publish").empty()) return "--publish";
  if (given("publish-all") && plan.publish_exposed) return "--publish-all";
  for (const char* name : {"ip", "ip6", "mac-address", "ipv6-prefix", "network-rate"}) {
    if (!config.text("run", name).empty()) return fmt::format("--{}", name);
  }
  return {};
}

/// The one without a rival is probed too: the choice is between it and no network.
Result<Chosen> choose_working(const Request& request) {
  Chosen best = FCVM_TRY(choose_best(request.config, request.registry, "net"));
  FCVM_TRY(check_works(request.config, best));
  return best;
}

/// No entry for no network. `needed`, when not empty, is the option that cannot do without.
Result<Chosen> choose(const Request& request, const std::string& wanted, const std::string& needed,
                      const vm::NetworkPlan& plan) {
  if (wanted == "none") {
    if (needed.empty()) return Chosen();
    return fail(EINVAL, fmt::format("{} needs a network, and --network none has none", needed));
  }
  if (wanted != "auto") {
    Chosen named = FCVM_TRY(choose_named(request.registry, "net", wanted) | context("--network"));
    // What a prefix makes possible only attach() finds out.
    if (plan.ipv6_prefix.empty()) FCVM_TRY(check_works(request.config, named));
    return named;
  }
  auto best = choose_working(request);
  if (best || !needed.empty()) return best;
  log::warning("run", "this VM has no network, since {}{}{}", best.error().message(),
               best.error().remedy().empty() ? "" : "; to fix: ", best.error().remedy());
  return Chosen();
}

/// A plugin that knows nothing of closing is used all the same, but neither silently nor for what
/// it could not keep apart.
Result<void> check_closing(const vm::NetworkPlan& plan, const Chosen& chosen) {
  const plugin::Descriptor& plugin = chosen.entry->descriptor;
  if ((chosen.capabilities & FCVM_NET_KEEPS_CLOSED) != 0) return {};
  if (!plan.host_loopback.ports.empty() || !plan.host_addresses.ports.empty()) {
    return fail(ENOTSUP,
                fmt::format("the network {} cannot open some ports of the host and keep the others "
                            "closed",
                            plugin.name()),
                "fcvm plugin ls shows the networks there are");
  }
  log::warning("run",
               "the network {} does not promise that it keeps the host's own addresses and the "
               "cloud's metadata closed to the VM",
               plugin.name());
  return {};
}

/// What was asked of a plugin and it cannot do.
Result<void> check_abilities(const vm::NetworkPlan& plan, const Chosen& chosen) {
  const plugin::Descriptor& plugin = chosen.entry->descriptor;
  const auto can = [&](std::uint64_t bit) { return (chosen.capabilities & bit) != 0; };
  const auto refuse = [&](const std::string& what) {
    return fail(ENOTSUP, fmt::format("{}: the network {} cannot do that", what, plugin.name()),
                "fcvm plugin ls shows the networks there are");
  };
  for (const auto& port : plan.publish) {
    const bool udp = port.protocol == vm::Protocol::kUdp;
    if (!can(udp ? FCVM_NET_CAN_PUBLISH_UDP : FCVM_NET_CAN_PUBLISH)) {
      return refuse("publishing " + vm::to_text(port));
    }
  }
  if (plan.publish_exposed && !can(FCVM_NET_CAN_PUBLISH)) return refuse("--publish-all");
  for (const auto& address : {plan.ipv4, plan.ipv6}) {
    if (!address.empty() && !can(FCVM_NET_CAN_CHOOSE_ADDRESS)) return refuse("giving " + address);
  }
  if (plan.rate_in + plan.rate_out != 0 && !can(FCVM_NET_CAN_LIMIT_RATE)) {
    return refuse("--network-rate");
  }
  if (!plan.ipv6_prefix.empty() && !can(FCVM_NET_TAKES_IPV6_PREFIX)) return refuse("--ipv6-prefix");
  return check_closing(plan, chosen);
}

}  // namespace

Result<void> take_addresses(vm::NetworkPlan& plan, const config::Config& config) {
  plan.ipv4 = config.text("run", "ip");
  if (!plan.ipv4.empty()) FCVM_TRY(check_ipv4(plan.ipv4) | context("--ip"));
  plan.ipv6 = config.text("run", "ip6");
  if (!plan.ipv6.empty()) FCVM_TRY(check_ipv6(plan.ipv6) | context("--ip6"));
  plan.ipv6_prefix = config.text("run", "ipv6-prefix");
  if (!plan.ipv6_prefix.empty()) {
    FCVM_TRY(check_ipv6_prefix(plan.ipv6_prefix) | context("--ipv6-prefix"));
  }
  const auto& mac = config.text("run", "mac-address");
  if (!mac.empty()) plan.mac = FCVM_TRY(parse_mac(mac) | context("--mac-address"));
  plan.mtu = static_cast<std::uint32_t>(config.integer("run", "mtu"));
  return {};
}

Result<void> take_names(vm::NetworkPlan& plan, const config::Config& config) {
  for (const auto& server : config.list("run", "dns")) {
    FCVM_TRY(check_ip(server) | context("--dns"));
    plan.dns.push_back(server);
  }
  plan.dns_search = config.list("run", "dns-search");
  if (!config.is_set("run", "dns-search")) {
    plan.dns_search = search_domains(base::read_file("/etc/resolv.conf").value_or(""));
  }
  std::erase(plan.dns_search, ".");
  plan.dns_options = config.list("run", "dns-option");
  for (const auto& words : {plan.dns_search, plan.dns_options}) {
    for (const auto& word : words) {
      if (word.empty() || word.find_first_of(" \t\n") != std::string::npos) {
        return fail(EINVAL, fmt::format("\"{}\" cannot stand in resolv.conf", word));
      }
    }
  }
  for (const auto& host : config.list("run", "add-host")) {
    plan.hosts.push_back(FCVM_TRY(parse_host(host) | context("--add-host")));
    if (plan.hosts.back().address != vm::kHostGateway || plan.host_loopback.any()) continue;
    return fail(EINVAL,
                fmt::format("--add-host {}: {} is the host's loopback, which is closed to VMs",
                            host, vm::kHostGateway),
                "give --host-loopback=PORT,... with the ports that are needed, too");
  }
  return {};
}

Result<void> take_openings(vm::NetworkPlan& plan, const config::Config& config) {
  plan.host_loopback =
      FCVM_TRY(parse_host_access(config.list("run", "host-loopback")) | context("--host-loopback"));
  plan.host_addresses = FCVM_TRY(parse_host_access(config.list("run", "host-addresses")) |
                                 context("--host-addresses"));
  plan.link_local = config.boolean("run", "link-local");
  const auto& rate = config.text("run", "network-rate");
  const auto parsed = FCVM_TRY(parse_network_rate(rate) | context("--network-rate"));
  plan.rate_in = parsed.in;
  plan.rate_out = parsed.out;
  return {};
}

Result<void> take_ports(vm::NetworkPlan& plan, const config::Config& config) {
  plan.publish = FCVM_TRY(vm::parse_publish_list(config.list("run", "publish")));
  plan.publish_exposed = config.boolean("run", "publish-all");
  for (const auto& port : plan.publish) {
    if (port.address.empty()) continue;
    FCVM_TRY(vm::check_host_address(port.address) | context("publishing " + vm::to_text(port)));
  }
  const auto& besides = config.text("run", "publish-address");
  if (besides.empty() || besides == "none") return {};
  FCVM_TRY(vm::check_host_address(besides) | context("--publish-address"));
  const auto address = FCVM_TRY(base::IpAddress::parse(besides));
  plan.publish_address = address.to_string();
  return {};
}

Result<vm::NetworkPlan> make_network_plan(const Request& request) {
  const config::Config& config = request.config;
  vm::NetworkPlan plan;
  FCVM_TRY(take_openings(plan, config));
  FCVM_TRY(take_addresses(plan, config));
  FCVM_TRY(take_names(plan, config));
  FCVM_TRY(take_ports(plan, config));
  if (config.boolean("run", "http-proxy")) plan.proxies = proxies_of_process();
  plan.proxy_endpoints = vm::proxy_endpoints(plan.proxies);
  const Chosen chosen =
      FCVM_TRY(choose(request, config.text("run", "network"), needs_network(plan, config), plan));
  if (chosen.entry == nullptr) {
    vm::NetworkPlan none;
    none.hosts = plan.hosts;
    return none;
  }
  plan.plugin = chosen.entry->descriptor.id;
  FCVM_TRY(check_abilities(plan, chosen));
  return plan;
}

}  // namespace fcvm::plan
