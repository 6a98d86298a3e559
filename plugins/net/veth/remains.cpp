// See remains.hpp.
#include "plugins/net/veth/remains.hpp"

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "plugins/net/veth/connections.hpp"
#include "plugins/net/veth/foreign_firewall.hpp"
#include "plugins/net/veth/kernel_setting.hpp"
#include "plugins/net/veth/lease.hpp"
#include "plugins/net/veth/wiring.hpp"

namespace fcvm::net {

namespace {

constexpr const char* kKey = "made";

/// One per line, a word for what it is and the rest of the line. In one record, so that it costs
/// one write to the disk.
std::string to_text(const Remains& remains) {
  std::string text = "directory " + remains.directory + "\ntable " + remains.table + "\n";
  for (const auto& address : remains.addresses) text += "address " + address.to_string() + "\n";
  for (const auto& name : remains.settings) text += "setting " + name + "\n";
  if (remains.foreign_rules) text += "foreign-rules yes\n";
  if (!remains.proxied) return text;
  const auto& proxied = *remains.proxied;
  text += "proxied " + proxied.address.to_string() + "\n";
  text += "proxy-link " + proxied.link + "\n";
  text += "lease " + std::to_string(proxied.lease) + "\n";
  return text + "lease-file " + proxied.lease_file + "\n";
}

/// What a newer fcvm may have added is left to it.
Result<void> read_line(Remains& remains, const std::string& word, const std::string& rest) {
  if (word == "directory") remains.directory = rest;
  if (word == "table") remains.table = rest;
  if (word == "foreign-rules") remains.foreign_rules = true;
  if (word == "setting") remains.settings.push_back(rest);
  if (word == "address") remains.addresses.push_back(FCVM_TRY(base::IpAddress::parse(rest)));
  if (word == "proxied") {
    remains.proxied.emplace();
    remains.proxied->address = FCVM_TRY(base::IpAddress::parse(rest));
  }
  if (!remains.proxied) return {};
  if (word == "proxy-link") remains.proxied->link = rest;
  if (word == "lease") remains.proxied->lease = std::strtoull(rest.c_str(), nullptr, 10);
  if (word == "lease-file") remains.proxied->lease_file = rest;
  return {};
}

Result<Remains> from_text(const std::string& text) {
  Remains remains;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    if (space == std::string::npos) continue;
    FCVM_TRY(read_line(remains, line.substr(0, space), line.substr(space + 1)));
  }
  return remains;
}

Result<std::optional<base::Neighbour>> neighbour(const ProxiedAddress& proxied,
                                                 base::Rtnetlink& kernel) {
  const auto link = FCVM_TRY(kernel.find_link(proxied.link));
  if (!link) return std::optional<base::Neighbour>();
  base::Neighbour found;
  found.link = link->index;
  found.address = proxied.address;
  return std::optional(found);
}

/// Unless another VM has it by now.
Result<void> stop_proxying_for_dead(const ProxiedAddress& proxied, base::Rtnetlink& kernel) {
  const auto free = Lease::try_take(proxied.lease_file, proxied.lease);
  if (!free && free.error().code() == ENOENT) return {};  // the host was started anew
  if (!free) return unexpected(free.error());
  if (!*free) return {};
  return stop_proxying(proxied, kernel);
}

/// Unless another VM has the address by now, which has seen to it.
Result<void> forget_connections_of_dead(const std::vector<base::IpAddress>& addresses,
                                        base::Rtnetlink& kernel) {
  const HostNetwork host = FCVM_TRY(HostNetwork::survey(kernel));
  auto connections = FCVM_TRY(Connections::open());
  for (const auto& address : addresses) {
    const bool routed = std::any_of(
        host.routes().begin(), host.routes().end(),
        [&](const auto& route) { return route.destination == base::IpPrefix::host(address); });
    const bool in_pair = address.is_v4() && !host.user_of(base::IpPrefix::host(address)).empty();
    if (!routed && !in_pair) FCVM_TRY(connections.forget_all_of(address));
  }
  return {};
}

}  // namespace

Result<void> Remains::remember(const Host& host) const {
  return host.remember(kKey, to_text(*this));
}

Result<std::optional<Remains>> Remains::recall(const Host& host) {
  for (const auto& [key, value] : FCVM_TRY(host.remembered())) {
    if (key == kKey) return std::optional(FCVM_TRY(from_text(value)));
  }
  return std::optional<Remains>();
}

Result<void> Remains::forget(const Host& host) { return host.forget(kKey); }

Result<void> Remains::undo_of_dead(base::Rtnetlink& kernel, Nft& nft) const {
  Result<void> first;
  const auto keep = [&](Result<void> done) {
    if (first && !done) first = std::move(done);
  };
  if (proxied) keep(stop_proxying_for_dead(*proxied, kernel));
  if (foreign_rules) keep(delete_passes(nft, table));
  if (!table.empty()) {
    keep(nft.delete_table(table));
    keep(delete_link_of_dead(table, kernel));
  }
  keep(forget_connections_of_dead(addresses, kernel));
  for (auto name = settings.rbegin(); name != settings.rend(); ++name) {
    keep(SharedSetting::undo(directory, *name));
  }
  return first;
}

Result<void> proxy_address(const ProxiedAddress& proxied, base::Rtnetlink& kernel) {
  const auto entry = FCVM_TRY(neighbour(proxied, kernel));
  if (!entry) return fail(ENODEV, "the interface " + proxied.link + " has gone");
  base::NetworkChange change;
  change.add_neighbour(*entry);
  return kernel.apply(change);
}

Result<void> stop_proxying(const ProxiedAddress& proxied, base::Rtnetlink& kernel) {
  const auto entry = FCVM_TRY(neighbour(proxied, kernel));
  if (!entry) return {};
  base::NetworkChange change;
  change.delete_neighbour(*entry);
  auto done = kernel.apply(change);
  if (!done && done.error().code() == ENOENT) return {};
  return done;
}

}  // namespace fcvm::net
