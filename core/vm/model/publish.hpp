// Published ports as users write them: [HOSTIP:]HOSTPORT:GUESTPORT[/tcp|udp].
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/record.hpp"

namespace fcvm::vm {

/// One specification. An address in brackets may be IPv6; none stays empty, which means the VM's
/// own. Ranges (8000-8009:80-89) are as long on both sides.
[[nodiscard]] Result<PublishedPort> parse_publish(std::string_view text);

/// Each item may hold several, separated by commas. Refuses those that want one port of the host
/// twice, among each other or with `taken`.
[[nodiscard]] Result<std::vector<PublishedPort>> parse_publish_list(
    const std::vector<std::string>& items, const std::vector<PublishedPort>& taken = {});

/// EADDRNOTAVAIL for an address that no interface of this host has.
[[nodiscard]] Result<void> check_host_address(const std::string& address);

/// What parse_publish turns back into the same.
[[nodiscard]] std::string to_text(const PublishedPort& port);
/// "10.0.0.1:80", "[::1]:80-89": an end of it, for people. Without an address the ports alone.
[[nodiscard]] std::string endpoint_text(const std::string& address, std::uint16_t first,
                                        std::uint16_t count);

}  // namespace fcvm::vm
