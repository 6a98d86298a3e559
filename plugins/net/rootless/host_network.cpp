// See host_network.hpp.
#include "plugins/net/rootless/host_network.hpp"

#include <algorithm>
#include <sstream>

#include "core/base/io/file.hpp"
#include "core/base/net/rtnetlink.hpp"

namespace fcvm::rootless {

namespace {

bool is_global(const base::LinkAddress& address) { return address.scope == RT_SCOPE_UNIVERSE; }

std::string name_of(const std::vector<base::Link>& links, unsigned index) {
  const auto at = std::find_if(links.begin(), links.end(),
                               [&](const base::Link& link) { return link.index == index; });
  return at == links.end() ? std::string() : at->name;
}

/// A link with a global address, IPv6 above all, for pasta takes one link for both families.
Result<std::string> addressed_link(base::Rtnetlink& kernel) {
  const auto links = FCVM_TRY(kernel.links());
  std::string found = "lo";
  for (const int family : {AF_INET, AF_INET6}) {
    for (const auto& address : FCVM_TRY(kernel.addresses(family))) {
      const std::string name = name_of(links, address.link);
      if (is_global(address) && !name.empty() && name != "lo") found = name;
    }
  }
  return found;
}

}  // namespace

Result<HostNetwork> look_at_host(bool want_ipv6) {
  HostNetwork host;
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  const auto v4 = FCVM_TRY(kernel.default_route(AF_INET));
  const auto v6 = FCVM_TRY(kernel.default_route(AF_INET6));
  const auto addresses = FCVM_TRY(kernel.addresses(AF_INET6));
  host.has_ipv6 = v6.has_value() || std::any_of(addresses.begin(), addresses.end(), is_global);
  const bool needs_v6_link = want_ipv6 && host.has_ipv6 && !v6;
  if (!v4 && v6 && want_ipv6) {
    host.template_link = name_of(FCVM_TRY(kernel.links()), v6->link);
  } else if (!v4 || needs_v6_link) {
    host.template_link = FCVM_TRY(addressed_link(kernel));
  }
  // A host without the file, or whose file names none, has no resolver to offer.
  const auto resolv_conf = base::read_file("/etc/resolv.conf", 64 * 1024);
  if (resolv_conf) host.resolvers = read_resolvers(*resolv_conf);
  return host;
}

std::vector<base::IpAddress> read_resolvers(std::string_view resolv_conf) {
  std::vector<base::IpAddress> found;
  std::istringstream lines{std::string(resolv_conf)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    std::string value;
    if (!(words >> key >> value) || key != "nameserver") continue;
    const auto address = base::IpAddress::parse(value.substr(0, value.find('%')));
    if (address) found.push_back(*address);
  }
  return found;
}

}  // namespace fcvm::rootless
