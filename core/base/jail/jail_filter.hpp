// The system calls that no jailed program needs, as a seccomp filter: those that make or enter
// namespaces, mount, load code into the kernel, or change the machine. A VMM's own filter, which
// allows less, comes on top of it.
#pragma once

#include <linux/filter.h>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::base {

[[nodiscard]] const std::vector<sock_filter>& jail_filter();

/// For a process that has all it needs but goes on to read what a guest sends: in none of its
/// threads, nor in what it starts from now on, are there new privileges, or calls that load code
/// into the kernel or change the machine. Namespaces and mounts stay: helpers still start.
[[nodiscard]] Result<void> leave_the_machine_alone();

/// For a helper that deals with what a guest sends and has all that it needs: jail_filter(), for
/// this process and what it starts from now on.
[[nodiscard]] Result<void> take_jail_filter();

}  // namespace fcvm::base
