// The first steps of PID 1: the kernel's file systems and the modules of the initrd.
#pragma once

#include <fcvm/result.hpp>

namespace fcvm::agent {

/// 0, 1 and 2 stay taken, so that no descriptor of the agent's is mistaken for them.
void open_standard_streams();
/// As many descriptors and processes as podman lets a container have: what joins one gets no fewer.
void raise_limits();
/// /proc /sys /dev /dev/pts /dev/shm /run /tmp and cgroup2.
Result<void> mount_kernel_filesystems();
/// Each file of /modules/order, in that order; without the file, nothing.
Result<void> load_modules();

}  // namespace fcvm::agent
