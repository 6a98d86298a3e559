#include "core/cli/network_options.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include <fmt/core.h>

#include "core/vm/network_plan.hpp"

namespace fcvm::cli {
namespace {

constexpr unsigned kShortestPrefix = 48;
constexpr unsigned kLongestPrefix = 120;

Result<in6_addr> parse_ipv6(const std::string& text) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) == 1) return address;
  return fail(EINVAL, fmt::format("\"{}\" is no IPv6 address", text));
}

bool is_host_name(std::string_view name) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
  };
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), good);
}

}  // namespace

Result<void> check_ipv4(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) == 1) return {};
  return fail(EINVAL, fmt::format("\"{}\" is no IPv4 address", text));
}

Result<void> check_ipv6(const std::string& text) {
  (void)FCVM_TRY(parse_ipv6(text));
  return {};
}

Result<void> check_ip(const std::string& text) {
  if (check_ipv4(text) || check_ipv6(text)) return {};
  return fail(EINVAL, fmt::format("\"{}\" is no IP address", text));
}

Result<std::string> parse_mac(std::string_view text) {
  std::string mac;
  for (const char c : text) {
    mac += c == '-' ? ':' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  bool good = mac.size() == 17;
  for (std::size_t i = 0; good && i < mac.size(); ++i) {
    good = i % 3 == 2 ? mac[i] == ':' : std::isxdigit(static_cast<unsigned char>(mac[i])) != 0;
  }
  if (!good) {
    return fail(EINVAL, fmt::format("\"{}\" is no MAC address", text),
                "write six bytes in hexadecimal: 52:54:00:12:34:56");
  }
  const bool of_a_group = (std::stoi(mac.substr(1, 1), nullptr, 16) & 1) != 0;
  if (of_a_group || mac == "00:00:00:00:00:00") {
    return fail(EINVAL, fmt::format("{} is not the address of one interface", mac),
                "make its second digit even; 52:54:00:... are free to use");
  }
  return mac;
}

Result<void> check_ipv6_prefix(const std::string& text) {
  const auto slash = text.find('/');
  unsigned length = 0;
  const char* const end = text.data() + text.size();
  const char* const digits = slash == std::string::npos ? end : text.data() + slash + 1;
  const auto parsed = std::from_chars(digits, end, length);
  if (digits == end || parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(EINVAL, fmt::format("\"{}\" is no IPv6 prefix", text),
                "write it as 2001:db8:1::/64");
  }
  const in6_addr address = FCVM_TRY(parse_ipv6(text.substr(0, slash)));
  if (length < kShortestPrefix || length > kLongestPrefix) {
    return fail(ERANGE, fmt::format("a prefix of /{} does not serve here", length),
                fmt::format("give one from /{} to /{}", kShortestPrefix, kLongestPrefix));
  }
  for (unsigned bit = length; bit < 128; ++bit) {
    if ((address.s6_addr[bit / 8] >> (7 - bit % 8) & 1) == 0) continue;
    return fail(EINVAL, fmt::format("{} has bits set beyond its first {}", text, length),
                "the part after the prefix is all zeros");
  }
  return {};
}

Result<wire::HostEntry> parse_host(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
    return fail(EINVAL, fmt::format("\"{}\" is not of the form NAME:ADDRESS", text));
  }
  wire::HostEntry entry;
  entry.address = text.substr(colon + 1);
  entry.names = text.substr(0, colon);
  std::istringstream names(entry.names);
  for (std::string name; std::getline(names, name, ';');) {
    if (!is_host_name(name)) return fail(EINVAL, fmt::format("\"{}\" is no host name", name));
  }
  std::replace(entry.names.begin(), entry.names.end(), ';', ' ');
  if (entry.address.size() > 2 && entry.address.front() == '[' && entry.address.back() == ']') {
    entry.address = entry.address.substr(1, entry.address.size() - 2);
  }
  if (entry.address != vm::kHostGateway) FCVM_TRY(check_ip(entry.address));
  return entry;
}

std::vector<std::string> search_domains(std::string_view resolv_conf) {
  std::vector<std::string> domains;
  std::istringstream lines{std::string(resolv_conf)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    if (!(words >> key) || (key != "search" && key != "domain")) continue;
    domains.clear();
    for (std::string domain; words >> domain;) {
      if (domain != "." && is_host_name(domain)) domains.push_back(domain);
    }
  }
  return domains;
}

std::vector<std::string> proxies_of_process() {
  std::vector<std::string> proxies;
  for (const char* name : {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY",
                           "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"}) {
    const char* value = ::secure_getenv(name);
    if (value != nullptr && *value != '\0') proxies.push_back(fmt::format("{}={}", name, value));
  }
  return proxies;
}

}  // namespace fcvm::cli
