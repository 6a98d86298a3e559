// What the host of the tests looks like, as far as the plugins of root could change it.
#pragma once

#include <string>
#include <vector>

#include "tests/contract/net/network.hpp"

namespace fcvm::test {

/// Whether bridged and routed can be tested: as root, on a host of namespaces.
bool is_root_environment();

/// What a program prints.
std::string output_of(const std::vector<std::string>& words);

/// Everything that the plugins could change on the host. Counters and caches are left out.
std::string state_of_host();

/// The kernel removes the namespace of a VM that has gone, and the links with it, in its own time:
/// that of the host once it is as expected, or what it still is after half a minute.
std::string state_when_quiet(const std::string& expected);

Request with_id(const std::string& id);

}  // namespace fcvm::test
