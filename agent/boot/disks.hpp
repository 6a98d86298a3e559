// Finding the plan's disks.
//
// A disk has the serial that the plan gives it, except where the VMM makes serials up itself, as
// Firecracker does: there the disks are in the plan's order, as every VMM attaches them.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/wire/boot_plan.hpp"

namespace fcvm::agent {

struct VirtioDisk {
  std::string device;  // "/dev/vdb"
  std::string serial;
  unsigned place = 0;  // on the virtio bus
};

/// In the order in which they were attached.
std::vector<VirtioDisk> virtio_disks(const std::string& sys = "/sys");
/// The device of the plan's disk, or empty when it is not among `present` (yet).
std::string choose_disk(const std::vector<VirtioDisk>& present, const std::vector<wire::Disk>& plan,
                        const std::string& serial);
/// "/dev/vdb"; waits a while for it, for drivers probe by themselves.
Result<std::string> find_disk(const wire::BootPlan& plan, const std::string& serial);
[[nodiscard]] const wire::Disk* disk_of(const wire::BootPlan& plan, wire::DiskRole role);
[[nodiscard]] std::string filesystem_of(const wire::Disk& disk);

}  // namespace fcvm::agent
