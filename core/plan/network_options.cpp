#include "core/plan/network_options.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include <fmt/core.h>

#include "core/base/net/address.hpp"
#include "core/vm/model/network_plan.hpp"

namespace fcvm::plan {
namespace {

constexpr unsigned kShortestPrefix = 48;
constexpr unsigned kLongestPrefix = 120;

Result<base::IpAddress> parse_ipv6(const std::string& text) {
  const auto address = base::IpAddress::parse(text);
  if (address && !address->is_v4()) return *address;
  return fail(EINVAL, fmt::format("\"{}\" is not an IPv6 address", text));
}

bool is_host_name(std::string_view name) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
  };
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), good);
}

Result<std::uint16_t> parse_open_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (parsed.ec == std::errc() && parsed.ptr == end && port != 0) return port;
  return fail(EINVAL, fmt::format("\"{}\" is not a port", text),
              "write PORT[-PORT][/tcp|udp], such as 8080 or 5000-5009/udp, or all, or none");
}

Result<vm::OpenPorts> parse_open_ports(std::string_view text) {
  vm::OpenPorts ports;
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    const auto word = text.substr(slash + 1);
    const auto protocol = vm::parse_protocol(word);
    if (!protocol) {
      return fail(EINVAL, fmt::format("\"{}\" is not a protocol that can be opened", word),
                  "use /tcp or /udp, or neither for both");
    }
    ports.protocol = *protocol;
    text = text.substr(0, slash);
  }
  const auto dash = text.find('-');
  ports.first = FCVM_TRY(parse_open_port(text.substr(0, dash)));
  if (dash == std::string_view::npos) return ports;
  const std::uint16_t last = FCVM_TRY(parse_open_port(text.substr(dash + 1)));
  if (last < ports.first) {
    return fail(EINVAL, fmt::format("the range {} is reversed", text),
                fmt::format("write {}-{}", last, ports.first));
  }
  ports.count = static_cast<std::uint16_t>(last - ports.first + 1);
  return ports;
}

/// Slower than a modem, a network has no use; faster than that, nothing is limited.
constexpr std::uint64_t kLeastRate = 64'000;
constexpr std::uint64_t kMostRate = 10'000'000'000'000;

/// Bits per second as text, bytes per second as result.
Result<std::uint64_t> parse_rate(std::string_view text) {
  std::uint64_t bits = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, bits);
  std::string unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
  if (unit.ends_with("bit")) unit.resize(unit.size() - 3);
  std::uint64_t factor = 0;
  if (unit.empty()) factor = 1;
  if (unit == "k" || unit == "K") factor = 1'000;
  if (unit == "m" || unit == "M") factor = 1'000'000;
  if (unit == "g" || unit == "G") factor = 1'000'000'000;
  if (parsed.ec != std::errc() || factor == 0) {
    return fail(EINVAL, fmt::format("\"{}\" is not a rate", text),
                "write bits per second, with k, M or G: 100M, or in=100M,out=10M");
  }
  if (bits > kMostRate / factor || bits * factor < kLeastRate) {
    return fail(ERANGE, fmt::format("a rate of {} does not serve here", text),
                "give one from 64k to 10000G");
  }
  return bits * factor / 8;
}

}  // namespace

Result<vm::HostAccess> parse_host_access(const std::vector<std::string>& items) {
  vm::HostAccess access;
  for (const auto& item : items) {
    std::istringstream words(item);
    for (std::string word; std::getline(words, word, ',');) {
      if (word == "all" || word == "none") {
        access = {};
        access.all = word == "all";
      } else {
        access.ports.push_back(FCVM_TRY(parse_open_ports(word)));
      }
    }
  }
  if (access.all) access.ports.clear();
  return access;
}

Result<NetworkRate> parse_network_rate(std::string_view text) {
  NetworkRate rate;
  std::istringstream words{std::string(text)};
  for (std::string word; std::getline(words, word, ',');) {
    const bool in = word.starts_with("in=");
    const bool out = word.starts_with("out=");
    const auto value = FCVM_TRY(parse_rate(std::string_view(word).substr(in ? 3 : out ? 4 : 0)));
    if (!out) rate.in = value;
    if (!in) rate.out = value;
  }
  return rate;
}

Result<void> check_hostname(const std::string& text) {
  constexpr std::size_t kLongest = 64;
  const bool spelled = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  });
  if (spelled && text.size() <= kLongest && !text.starts_with('-') && !text.starts_with('.')) {
    return {};
  }
  return fail(EINVAL, fmt::format("\"{}\" is not a host name", text),
              "take up to 64 letters, digits, dots and dashes");
}

Result<void> check_ipv4(const std::string& text) {
  const auto address = base::IpAddress::parse(text);
  if (address && address->is_v4()) return {};
  return fail(EINVAL, fmt::format("\"{}\" is not an IPv4 address", text));
}

Result<void> check_ipv6(const std::string& text) {
  (void)FCVM_TRY(parse_ipv6(text));
  return {};
}

Result<void> check_ip(const std::string& text) {
  if (check_ipv4(text) || check_ipv6(text)) return {};
  return fail(EINVAL, fmt::format("\"{}\" is not an IP address", text));
}

Result<std::string> parse_mac(std::string_view text) {
  std::string mac;
  for (const char c : text) {
    mac += c == '-' ? ':' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const auto address = base::MacAddress::parse(mac);
  if (!address) {
    return fail(EINVAL, fmt::format("\"{}\" is not a MAC address", text),
                "write six bytes in hexadecimal: 52:54:00:12:34:56");
  }
  if (!address->is_unicast()) {
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
    return fail(EINVAL, fmt::format("\"{}\" is not an IPv6 prefix", text),
                "write it as 2001:db8:1::/64");
  }
  const base::IpAddress address = FCVM_TRY(parse_ipv6(text.substr(0, slash)));
  if (length < kShortestPrefix || length > kLongestPrefix) {
    return fail(ERANGE, fmt::format("a prefix of /{} does not serve here", length),
                fmt::format("give one from /{} to /{}", kShortestPrefix, kLongestPrefix));
  }
  const base::IpPrefix prefix{address, static_cast<std::uint8_t>(length)};
  if (prefix.network() != prefix) {
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
    if (!is_host_name(name)) return fail(EINVAL, fmt::format("\"{}\" is not a host name", name));
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

}  // namespace fcvm::plan
