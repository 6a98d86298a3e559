#include "core/vm/model/port.hpp"

#include <algorithm>
#include <charconv>
#include <sys/socket.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/net/address.hpp"

namespace fcvm::vm {
namespace {

constexpr std::uint32_t kHighestPort = 65535;
constexpr const char* kForm =
    "write [HOSTIP:][HOSTPORT:]GUESTPORT[/tcp|udp], such as 8080:80, or 80 for any free port";

struct Range {
  std::uint16_t first = 0;
  std::uint16_t count = 0;
};

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ptr != end || parsed.ec == std::errc::invalid_argument) {
    return fail(EINVAL, fmt::format("\"{}\" is not a port number", text), kForm);
  }
  if (parsed.ec == std::errc::result_out_of_range || number > kHighestPort) {
    return fail(ERANGE, fmt::format("there is no port {}: the highest is {}", text, kHighestPort),
                "choose one from 1 to 65535");
  }
  if (number == 0) return fail(EINVAL, "port 0 cannot be published", "choose one from 1 to 65535");
  return static_cast<std::uint16_t>(number);
}

Result<Range> parse_range(std::string_view text) {
  const auto dash = text.find('-');
  const std::uint16_t first = FCVM_TRY(parse_port(text.substr(0, dash)));
  if (dash == std::string_view::npos) return Range{first, 1};
  const std::uint16_t last = FCVM_TRY(parse_port(text.substr(dash + 1)));
  if (last < first) {
    return fail(EINVAL, fmt::format("the range {} is reversed", text),
                fmt::format("write {}-{}", last, first));
  }
  return Range{first, static_cast<std::uint16_t>(last - first + 1)};
}

/// Takes "ADDRESS:" from the front of `text`, if it is there. As networks report it: an IPv6
/// address can be written in several ways.
Result<std::string> take_address(std::string_view& text) {
  std::string address;
  if (text.starts_with('[')) {
    const auto close = text.find("]:");
    if (close == std::string_view::npos) {
      return fail(EINVAL, "a bracket is not closed by \"]:\"", "write [::1]:8080:80");
    }
    address = text.substr(1, close - 1);
    text.remove_prefix(close + 2);
    const auto read = base::IpAddress::parse(address);
    if (read && !read->is_v4()) return read->to_string();
    return fail(EINVAL, fmt::format("\"{}\" is not an IPv6 address", address),
                "only those are written in brackets");
  }
  const auto last = text.rfind(':');
  const auto before = last == std::string_view::npos ? last : text.rfind(':', last - 1);
  if (last == std::string_view::npos || last == 0 || before == std::string_view::npos) {
    return address;
  }
  address = text.substr(0, before);
  text.remove_prefix(before + 1);
  const auto read = base::IpAddress::parse(address);
  if (read && read->is_v4()) return address;
  if (address.find(':') != std::string::npos) {
    return fail(EINVAL, fmt::format("\"{}\" stands without brackets", address),
                "an IPv6 address is written in brackets: [::1]:8080:80");
  }
  return fail(EINVAL, fmt::format("\"{}\" is not an IP address", address),
              "name an address of this host, or leave it out");
}

Result<Protocol> take_protocol(std::string_view& text) {
  const auto slash = text.rfind('/');
  if (slash == std::string_view::npos) return Protocol::kTcp;
  const auto word = text.substr(slash + 1);
  text = text.substr(0, slash);
  return parse_protocol(word);
}

Result<PublishedPort> parse(std::string_view text) {
  PublishedPort port;
  port.protocol = FCVM_TRY(take_protocol(text));
  port.address = FCVM_TRY(take_address(text));
  const auto colon = text.find(':');
  const bool chooses_host_port =
      colon != std::string_view::npos && (colon != 0 || port.address.empty());
  const Range guest =
      FCVM_TRY(parse_range(colon == std::string_view::npos ? text : text.substr(colon + 1)));
  port.guest_port = guest.first;
  port.count = guest.count;
  if (!chooses_host_port) return port;
  const Range host = FCVM_TRY(parse_range(text.substr(0, colon)));
  if (host.count != guest.count) {
    return fail(
        EINVAL,
        fmt::format("{} ports of the host cannot lead to {} of the guest", host.count, guest.count),
        "write ranges of the same length, such as 8000-8009:80-89");
  }
  port.host_port = host.first;
  return port;
}

bool is_wildcard(const std::string& address) { return address == "0.0.0.0" || address == "::"; }
bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

/// The VM's own address is an IPv4 one, so the wildcard of IPv4 holds it too.
bool share_a_port(const PublishedPort& a, const PublishedPort& b) {
  if (a.protocol != b.protocol || is_v6(a.address) != is_v6(b.address)) return false;
  if (a.host_port == 0 || b.host_port == 0) return false;
  if (a.address != b.address && !is_wildcard(a.address) && !is_wildcard(b.address)) return false;
  return a.host_port < b.host_port + b.count && b.host_port < a.host_port + a.count;
}

std::string ports_text(std::uint16_t first, std::uint16_t count) {
  return count <= 1 ? std::to_string(first) : fmt::format("{}-{}", first, first + count - 1);
}

}  // namespace

Result<PublishedPort> parse_publish(std::string_view text) {
  return parse(text) | context(fmt::format("publishing \"{}\"", text));
}

Result<std::vector<PublishedPort>> parse_publish_list(const std::vector<std::string>& items) {
  std::vector<PublishedPort> ports;
  for (const std::string_view item : items) {
    for (std::size_t at = 0; at <= item.size();) {
      const auto end = std::min(item.find(',', at), item.size());
      const auto port = FCVM_TRY(parse_publish(item.substr(at, end - at)));
      FCVM_TRY(check_free(port, ports));
      ports.push_back(port);
      at = end + 1;
    }
  }
  return ports;
}

std::vector<PublishedPort> named_first(std::vector<PublishedPort> wishes) {
  std::stable_partition(wishes.begin(), wishes.end(),
                        [](const PublishedPort& wish) { return wish.host_port != 0; });
  return wishes;
}

Result<void> check_free(const PublishedPort& wish, const std::vector<PublishedPort>& taken) {
  for (const PublishedPort& other : taken) {
    if (!share_a_port(wish, other)) continue;
    return fail(EEXIST,
                fmt::format("publishing {}: it overlaps with {}", to_text(wish), to_text(other)),
                "give each port of the host one purpose");
  }
  return {};
}

Result<void> check_host_address(const std::string& address) {
  const auto wanted = FCVM_TRY(base::IpAddress::parse(address));
  sockaddr_storage any_port{};
  const socklen_t size = wanted.to_sockaddr(0, any_port);
  const Fd socket(::socket(wanted.family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* generic = reinterpret_cast<const sockaddr*>(&any_port);
  if (socket && ::bind(socket.get(), generic, size) == 0) return {};
  return fail(EADDRNOTAVAIL, fmt::format("{} is not an address of this host", address),
              "`ip address` lists those there are");
}

std::string endpoint_text(const std::string& address, std::uint16_t first, std::uint16_t count) {
  const auto ports = ports_text(first, count);
  if (address.empty()) return ports;
  return is_v6(address) ? fmt::format("[{}]:{}", address, ports)
                        : fmt::format("{}:{}", address, ports);
}

std::string to_text(const PublishedPort& port) {
  const auto guest =
      fmt::format("{}/{}", ports_text(port.guest_port, port.count), to_text(port.protocol));
  if (port.host_port != 0) {
    return fmt::format("{}:{}", endpoint_text(port.address, port.host_port, port.count), guest);
  }
  if (port.address.empty()) return guest;
  const auto address = is_v6(port.address) ? "[" + port.address + "]" : port.address;
  return fmt::format("{}::{}", address, guest);
}

std::string_view to_text(Protocol protocol) { return protocol == Protocol::kUdp ? "udp" : "tcp"; }

Result<Protocol> parse_protocol(std::string_view text) {
  if (text == "tcp") return Protocol::kTcp;
  if (text == "udp") return Protocol::kUdp;
  return fail(EINVAL, fmt::format("\"{}\" is not a protocol that can be published", text),
              "use /tcp or /udp");
}

}  // namespace fcvm::vm
