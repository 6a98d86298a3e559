// The guest's root: an overlay of the read-only base image and this VM's writable disk.
#pragma once

#include <fcvm/result.hpp>

#include "core/wire/boot_plan.hpp"

namespace fcvm::agent {

/// Mounts it and moves into it for good; the initramfs is emptied, which frees its memory. Without
/// a base disk in the plan the guest stays where it is.
Result<void> enter_root(const wire::BootPlan& plan);

/// The data disks and the mounts of the plan.
Result<void> mount_extras(const wire::BootPlan& plan);

/// Where the writable disk's own top is after enter_root().
constexpr char kWritableDisk[] = "/run/fcvm/disk";

}  // namespace fcvm::agent
