// See address.hpp.
#include "core/base/net/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <sys/random.h>

namespace fcvm::base {

Result<IpAddress> IpAddress::parse(const std::string& text) {
  IpAddress address;
  address.family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (::inet_pton(address.family, text.c_str(), address.bytes.data()) != 1) {
    return fail(EINVAL, "reading the address \"" + text + "\": it is none");
  }
  return address;
}

IpAddress IpAddress::of_bytes(std::string_view bytes) {
  IpAddress address;
  address.family = bytes.size() == 16 ? AF_INET6 : AF_INET;
  std::memcpy(address.bytes.data(), bytes.data(), std::min(bytes.size(), address.size()));
  return address;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[0] == 127;
  IpAddress one;
  one.family = AF_INET6;
  one.bytes[15] = 1;
  return *this == one;
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family, bytes.data(), text, sizeof text);
  return text;
}

socklen_t IpAddress::to_sockaddr(std::uint16_t port, sockaddr_storage& into) const {
  std::memset(&into, 0, sizeof into);
  if (is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, bytes.data(), 4);
    std::memcpy(&into, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, bytes.data(), 16);
  std::memcpy(&into, &v6, sizeof v6);
  return sizeof v6;
}

Result<IpPrefix> IpPrefix::parse(const std::string& text) {
  const auto slash = text.find('/');
  IpPrefix prefix = host(FCVM_TRY(IpAddress::parse(text.substr(0, slash))));
  if (slash == std::string::npos) return prefix;
  const char* end = text.data() + text.size();
  const std::uint8_t longest = prefix.length;
  const auto parsed = std::from_chars(text.data() + slash + 1, end, prefix.length);
  if (parsed.ec != std::errc() || parsed.ptr != end || prefix.length > longest) {
    return fail(EINVAL, "reading the address \"" + text + "\": its prefix length is wrong");
  }
  return prefix;
}

IpPrefix IpPrefix::any(int family) {
  IpPrefix prefix;
  prefix.address.family = family;
  return prefix;
}

IpPrefix IpPrefix::host(const IpAddress& address) {
  return {address, static_cast<std::uint8_t>(address.size() * 8)};
}

IpPrefix IpPrefix::network() const {
  IpPrefix cleared = *this;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const int kept = std::clamp(static_cast<int>(length) - static_cast<int>(i) * 8, 0, 8);
    cleared.address.bytes[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
  }
  return cleared;
}

bool IpPrefix::contains(const IpAddress& other) const {
  return other.family == address.family && IpPrefix{other, length}.network() == network();
}

std::string IpPrefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

Result<MacAddress> MacAddress::parse(const std::string& text) {
  MacAddress mac;
  const char* end = text.data() + text.size();
  bool good = text.size() == 17;
  for (std::size_t i = 0; good && i < 6; ++i) {
    const char* from = text.data() + i * 3;
    const auto parsed = std::from_chars(from, from + 2, mac.bytes[i], 16);
    good =
        parsed.ec == std::errc() && parsed.ptr == from + 2 && (from + 2 == end || from[2] == ':');
  }
  if (!good) return fail(EINVAL, "reading the MAC \"" + text + "\": it is none");
  return mac;
}

Result<MacAddress> MacAddress::random() {
  MacAddress mac;
  if (::getrandom(mac.bytes.data(), mac.bytes.size(), 0) != 6) return fail_errno("making a MAC");
  mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfc) | 2);
  return mac;
}

bool MacAddress::is_unicast() const { return (bytes[0] & 1) == 0 && *this != MacAddress{}; }

std::string MacAddress::to_string() const {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned byte : bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace fcvm::base
