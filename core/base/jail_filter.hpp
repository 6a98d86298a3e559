// The system calls that no jailed program needs, as a seccomp filter: those that make or enter
// namespaces, mount, load code into the kernel, or change the machine. A VMM's own filter, which
// allows less, comes on top of it.
#pragma once

#include <linux/filter.h>
#include <vector>

namespace fcvm::base {

[[nodiscard]] const std::vector<sock_filter>& jail_filter();

}  // namespace fcvm::base
