// See host_network.hpp.
#include "plugins/net/veth/host_network.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "core/base/io/file.hpp"

namespace fcvm::net {

namespace {

using base::IpPrefix;

constexpr std::size_t kMostOfHost = 3;  // more are not read by any C library
/// Shorter routes lead to "everywhere": 0.0.0.0/1 and 128.0.0.0/1 are how a VPN says so.
constexpr std::uint8_t kShortestUse = 8;

bool overlap(const IpPrefix& a, const IpPrefix& b) {
  return a.contains(b.address) || b.contains(a.address);
}

bool of_a_vm(const base::Link& link) { return link.name.rfind(kLinkPrefix, 0) == 0; }

}  // namespace

Result<HostNetwork> HostNetwork::survey(base::Rtnetlink& kernel) {
  HostNetwork found;
  found.links_ = FCVM_TRY(kernel.links());
  found.addresses_ = FCVM_TRY(kernel.addresses(AF_UNSPEC));
  for (const int family : {AF_INET, AF_INET6}) {
    const auto routes = FCVM_TRY(kernel.routes(family));
    std::copy_if(routes.begin(), routes.end(), std::back_inserter(found.routes_),
                 [](const base::Route& route) { return route.table == RT_TABLE_MAIN; });
  }
  return found;
}

std::string HostNetwork::user_of(const IpPrefix& prefix) const {
  const auto name_of_link = [&](unsigned index) {
    const base::Link* found = link(index);
    return found == nullptr ? std::string("an interface") : found->name;
  };
  for (const auto& address : addresses_) {
    if (overlap(address.prefix, prefix)) {
      return address.prefix.to_string() + " of " + name_of_link(address.link);
    }
  }
  for (const auto& route : routes_) {
    if (route.destination.length >= kShortestUse && overlap(route.destination, prefix)) {
      return "the route to " + route.destination.to_string() + " by " + name_of_link(route.link);
    }
  }
  return {};
}

bool HostNetwork::has_address(const base::IpAddress& address) const {
  return std::any_of(addresses_.begin(), addresses_.end(),
                     [&](const auto& one) { return one.prefix.address == address; });
}

std::vector<base::Link> HostNetwork::uplinks(int family) const {
  std::vector<base::Link> found;
  for (const auto& one : links_) {
    const bool routed = std::any_of(routes_.begin(), routes_.end(), [&](const auto& route) {
      const bool link_local = route.destination.address.is_link_local();
      return route.link == one.index && route.destination.address.family == family && !link_local;
    });
    if (routed && one.name != "lo" && !of_a_vm(one)) found.push_back(one);
  }
  return found;
}

std::optional<base::Link> HostNetwork::default_link(int family) const {
  const base::Route* best = nullptr;
  for (const auto& route : routes_) {
    const bool everywhere = route.destination == IpPrefix::any(family) && route.link != 0;
    if (everywhere && (best == nullptr || route.metric < best->metric)) best = &route;
  }
  const base::Link* found = best == nullptr ? nullptr : link(best->link);
  if (found == nullptr) return std::nullopt;
  return *found;
}

bool HostNetwork::has_link(const std::string& name) const {
  return std::any_of(links_.begin(), links_.end(),
                     [&](const auto& one) { return one.name == name; });
}

const base::Link* HostNetwork::link(unsigned index) const {
  const auto found = std::find_if(links_.begin(), links_.end(),
                                  [&](const auto& one) { return one.index == index; });
  return found == links_.end() ? nullptr : &*found;
}

Result<std::vector<base::IpAddress>> resolvers_of(const std::string& path) {
  std::vector<base::IpAddress> found;
  auto text = base::read_file(path);
  if (!text && text.error().code() != ENOENT) return unexpected(std::move(text).error());
  std::istringstream lines(text ? *text : "");
  for (std::string line; std::getline(lines, line) && found.size() < kMostOfHost;) {
    std::istringstream words(line);
    std::string key;
    std::string value;
    words >> key >> value;
    // fe80::1%eth0 means something on the host only, and what is not an address is nobody's
    // resolver.
    const auto address = base::IpAddress::parse(value);
    if (key == "nameserver" && address) found.push_back(*address);
  }
  if (found.empty()) found.push_back(FCVM_TRY(base::IpAddress::parse("127.0.0.1")));
  return found;
}

}  // namespace fcvm::net
