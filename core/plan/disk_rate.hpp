// --device-read-bps and its kin: how fast a VM may use its disks.
#pragma once

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/vm/model/disk_rates.hpp"

namespace fcvm::plan {

/// Each is RATE or PATH:RATE, as podman's; the one path that means something in a VM is "/".
[[nodiscard]] Result<vm::DiskRates> disk_rates(const config::Config& config);

}  // namespace fcvm::plan
