// Published ports: what they are, and as users write them:
// [[HOSTIP:][HOSTPORT]:]GUESTPORT[/tcp|udp].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/net.h>
#include <fcvm/result.hpp>

namespace fcvm::vm {

/// With the plugin interface's numbers.
enum class Protocol : std::uint32_t { kTcp = FCVM_PROTO_TCP, kUdp = FCVM_PROTO_UDP };

[[nodiscard]] std::string_view to_text(Protocol protocol);
/// "tcp" or "udp"; EINVAL for all else.
[[nodiscard]] Result<Protocol> parse_protocol(std::string_view text);

/// `count` ports of the host in a row that lead to as many of the guest.
struct PublishedPort {
  std::string address;          // of the host; empty in a wish: the VM's own
  std::uint16_t host_port = 0;  // 0 in a wish: any that is free
  std::uint16_t guest_port = 0;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t count = 1;

  friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
};

/// One wish. An address in brackets may be IPv6. Ranges (8000-8009:80-89) are as long on both
/// sides.
[[nodiscard]] Result<PublishedPort> parse_publish(std::string_view text);

/// Each item may hold several, separated by commas. Refuses those that want one port of the host
/// twice.
[[nodiscard]] Result<std::vector<PublishedPort>> parse_publish_list(
    const std::vector<std::string>& items);

/// Those that name a port of the host come first: one that is chosen for another wish must not be
/// theirs.
[[nodiscard]] std::vector<PublishedPort> named_first(std::vector<PublishedPort> wishes);

/// EEXIST for a wish that wants what is taken.
[[nodiscard]] Result<void> check_free(const PublishedPort& wish,
                                      const std::vector<PublishedPort>& taken);

/// EADDRNOTAVAIL for an address that no interface of this host has.
[[nodiscard]] Result<void> check_host_address(const std::string& address);

/// What parse_publish turns back into the same.
[[nodiscard]] std::string to_text(const PublishedPort& port);
/// "10.0.0.1:80", "[::1]:80-89": an end of it, for people. Without an address the ports alone.
[[nodiscard]] std::string endpoint_text(const std::string& address, std::uint16_t first,
                                        std::uint16_t count);

}  // namespace fcvm::vm
