// The net plugins that the contract is tested on, and what is left of a process or a namespace.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "tests/contract/net/network.hpp"

namespace fcvm::test {

/// Those that work for this user.
std::vector<Backend> backends();
/// With the pasta in PATH, or the one that FCVM_TEST_PASTA names.
Backend rootless();
std::string pasta_to_test();
/// Where this program's plugins keep leases; FCVM_TEST_LEASES for one that it starts.
std::string lease_directory();
/// As root only.
Backend bridged();
Backend routed();

/// The pids of a process's children.
std::vector<pid_t> children_of(pid_t pid);
/// Kills those of this process whose program has `name` in its path; how many they were.
int kill_children(const std::string& name);
/// Whether any process is in the network namespace with that inode, or holds it open.
bool namespace_in_use(std::uint64_t inode);

}  // namespace fcvm::test
