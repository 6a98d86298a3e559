// Texts of the network options: addresses, MACs, prefixes, hosts, and what the host's resolv.conf
// says. Each is checked here, so that a mistake is told before a VM is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/network_plan.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::plan {

/// What sethostname(2) takes and other programs understand; empty is the VM's name.
[[nodiscard]] Result<void> check_hostname(const std::string& text);
[[nodiscard]] Result<void> check_ipv4(const std::string& text);
[[nodiscard]] Result<void> check_ipv6(const std::string& text);
[[nodiscard]] Result<void> check_ip(const std::string& text);
/// Of one interface: neither of a group nor all zeros. In small letters.
[[nodiscard]] Result<std::string> parse_mac(std::string_view text);
/// Between /48 and /120, without bits beyond its length.
[[nodiscard]] Result<void> check_ipv6_prefix(const std::string& text);
/// NAME[;NAME...]:ADDRESS, as podman takes it; the address may be host-gateway.
[[nodiscard]] Result<wire::HostEntry> parse_host(std::string_view text);

/// "all", "none", or ports: "8080", "8000-8009/tcp", each item perhaps several with commas between.
/// The last "all" or "none" counts.
[[nodiscard]] Result<vm::HostAccess> parse_host_access(const std::vector<std::string>& items);

/// Bytes per second, 0 for no limit.
struct NetworkRate {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
};
/// "100M", "in=100M,out=10M", "100M,out=10M": in bits per second, with k, M or G for thousands.
[[nodiscard]] Result<NetworkRate> parse_network_rate(std::string_view text);

/// The domains of the last `search` or `domain` line.
[[nodiscard]] std::vector<std::string> search_domains(std::string_view resolv_conf);

/// "http_proxy=..." and the like, in small and capital letters, of this process.
[[nodiscard]] std::vector<std::string> proxies_of_process();

}  // namespace fcvm::plan
