// The kernel's capabilities: their names in an OCI configuration, and the five sets of a process.
#pragma once

#include <cstdint>

#include <fcvm/result.hpp>

namespace fcvm::agent {

struct CapabilitySets {
  std::uint64_t bounding = 0;
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
  std::uint64_t ambient = 0;
};

/// All that this process could still give away.
std::uint64_t bounding_capabilities();

/// Drops what is not in the bounding set; needs CAP_SETPCAP.
Result<void> limit_capabilities(std::uint64_t bounding);
/// The other four sets, once the ids are the final ones.
Result<void> set_capabilities(const CapabilitySets& sets);

}  // namespace fcvm::agent
