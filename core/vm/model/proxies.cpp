#include "core/vm/model/proxies.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/base/net/address.hpp"

namespace fcvm::vm {
namespace {

/// The part of a URL that names a host, as a place in it: after "//" and "user@", before ":port".
struct Place {
  std::size_t begin = 0;
  std::size_t size = 0;
};
Place host_in(std::string_view url) {
  const auto scheme = url.find("://");
  std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find('/', begin), url.size());
  if (const auto at = url.substr(0, end).rfind('@'); at != std::string_view::npos && at >= begin) {
    begin = at + 1;
  }
  const std::string_view rest = url.substr(begin, end - begin);
  const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  if (bracket != std::string_view::npos) return {begin, bracket + 1};
  return {begin, std::min(rest.find(':'), rest.size())};
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

/// The port of a proxy: what stands behind its host, else that of its scheme.
std::uint16_t port_in(std::string_view url, const Place& host) {
  const std::string_view rest = url.substr(host.begin + host.size);
  std::uint16_t port = 0;
  if (rest.starts_with(':'))
    (void)std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
  if (port != 0) return port;
  if (url.starts_with("https:")) return 443;
  return url.starts_with("socks") ? 1080 : 80;
}

/// "" for a name.
std::string bare_address(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto parsed = base::IpAddress::parse(std::string(host));
  return parsed ? parsed->to_string() : std::string();
}

bool lists_hosts(std::string_view name) { return name == "no_proxy" || name == "NO_PROXY"; }

}  // namespace

std::vector<ProxyEndpoint> proxy_endpoints(const std::vector<std::string>& proxies) {
  std::vector<ProxyEndpoint> found;
  for (const std::string& variable : proxies) {
    const auto equals = variable.find('=');
    if (equals == std::string::npos || lists_hosts(std::string_view(variable).substr(0, equals))) {
      continue;
    }
    const std::string_view url = std::string_view(variable).substr(equals + 1);
    const Place place = host_in(url);
    const std::string_view host = url.substr(place.begin, place.size);
    const std::uint16_t port = port_in(url, place);
    if (is_loopback(host)) {
      found.push_back({"", port});
    } else if (const std::string address = bare_address(host); !address.empty()) {
      found.push_back({address, port});
    }
  }
  return found;
}

std::vector<std::string> guest_proxies(const std::vector<std::string>& proxies,
                                       const std::string& host_gateway,
                                       std::vector<std::string>& dropped) {
  std::vector<std::string> rewritten;
  const bool v6 = host_gateway.find(':') != std::string::npos;
  for (std::string variable : proxies) {
    const auto equals = variable.find('=');
    const std::string_view url = std::string_view(variable).substr(equals + 1);
    const Place host = host_in(url);
    const bool local = is_loopback(url.substr(host.begin, host.size));
    if (local && !lists_hosts(std::string_view(variable).substr(0, equals))) {
      if (host_gateway.empty()) {
        dropped.push_back(variable.substr(0, equals));
        continue;
      }
      variable.replace(equals + 1 + host.begin, host.size,
                       v6 ? "[" + host_gateway + "]" : host_gateway);
    }
    rewritten.push_back(std::move(variable));
  }
  return rewritten;
}

}  // namespace fcvm::vm
