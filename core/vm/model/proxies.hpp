// The proxies of whoever runs a VM ("http_proxy=..."): where they are, and how a guest reaches
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fcvm::vm {

/// Where a proxy of the caller listens.
struct ProxyEndpoint {
  std::string address;  // empty: the host's loopback
  std::uint16_t port = 0;
};

/// Where the proxies of "http_proxy=http://127.0.0.1:3128" and the like are, as far as that is
/// written as an address: each has to be reached, wherever it is.
[[nodiscard]] std::vector<ProxyEndpoint> proxy_endpoints(const std::vector<std::string>& proxies);

/// "http_proxy=http://127.0.0.1:3128" as the guest reaches it: a loopback address of the host
/// becomes `host_gateway`. A proxy that it cannot reach is left out, with its name in `dropped`.
[[nodiscard]] std::vector<std::string> guest_proxies(const std::vector<std::string>& proxies,
                                                     const std::string& host_gateway,
                                                     std::vector<std::string>& dropped);

}  // namespace fcvm::vm
