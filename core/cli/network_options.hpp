// Texts of the network options: addresses, MACs, prefixes, hosts, and what the host's resolv.conf
// says. Each is checked here, so that a mistake is told before a VM is made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/wire/boot_plan.hpp"

namespace fcvm::cli {

[[nodiscard]] Result<void> check_ipv4(const std::string& text);
[[nodiscard]] Result<void> check_ipv6(const std::string& text);
[[nodiscard]] Result<void> check_ip(const std::string& text);
/// Of one interface: neither of a group nor all zeros. In small letters.
[[nodiscard]] Result<std::string> parse_mac(std::string_view text);
/// Between /48 and /120, without bits beyond its length.
[[nodiscard]] Result<void> check_ipv6_prefix(const std::string& text);
/// NAME[;NAME...]:ADDRESS, as podman takes it; the address may be host-gateway.
[[nodiscard]] Result<wire::HostEntry> parse_host(std::string_view text);

/// The domains of the last `search` or `domain` line.
[[nodiscard]] std::vector<std::string> search_domains(std::string_view resolv_conf);

/// "http_proxy=..." and the like, in small and capital letters, of this process.
[[nodiscard]] std::vector<std::string> proxies_of_process();

}  // namespace fcvm::cli
