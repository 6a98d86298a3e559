// IP addresses, prefixes and MACs as values: read from text, compared, written as text.
//
// Own nothing. An address from a user or from another process is read here and nowhere else.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include <fcvm/result.hpp>

namespace fcvm::base {

/// IPv4 or IPv6, in network byte order; bytes beyond size() are zero.
struct IpAddress {
  int family = AF_UNSPEC;
  std::array<std::uint8_t, 16> bytes{};

  static Result<IpAddress> parse(const std::string& text);
  /// `bytes` has 4 or 16 of them.
  static IpAddress of_bytes(std::string_view bytes);

  [[nodiscard]] bool is_v4() const { return family == AF_INET; }
  [[nodiscard]] std::size_t size() const { return family == AF_INET6 ? 16 : 4; }
  [[nodiscard]] std::string_view raw() const {
    return {reinterpret_cast<const char*>(bytes.data()), size()};
  }
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_link_local() const;
  [[nodiscard]] std::string to_string() const;
  /// For connect(2) and bind(2): fills `into`, returns its length.
  socklen_t to_sockaddr(std::uint16_t port, sockaddr_storage& into) const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// An address and how long its network's prefix is: "10.0.2.100/24".
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;

  /// Without a "/", the prefix is the whole address.
  static Result<IpPrefix> parse(const std::string& text);
  /// 0.0.0.0/0 or ::/0: a default route's destination.
  static IpPrefix any(int family);
  static IpPrefix host(const IpAddress& address);

  /// The same with the bits after the prefix cleared.
  [[nodiscard]] IpPrefix network() const;
  [[nodiscard]] bool contains(const IpAddress& other) const;
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const IpPrefix&, const IpPrefix&) = default;
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  /// "52:54:00:12:34:56", in either case.
  static Result<MacAddress> parse(const std::string& text);
  /// Random, unicast, of the locally administered kind.
  static Result<MacAddress> random();

  [[nodiscard]] std::string_view raw() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// Whether one machine may have it: neither multicast nor zero.
  [[nodiscard]] bool is_unicast() const;
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const MacAddress&, const MacAddress&) = default;
};

}  // namespace fcvm::base
