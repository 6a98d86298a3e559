// What of a VM's plan goes into its snapshot: what a clone is made from. What is in the guest's
// memory anyway (environment, options of podman) and what is the caller's own (whether it is
// detached, its log) is not part of it.
#pragma once

#include <vector>

#include "core/vm/model/run_plan.hpp"

namespace fcvm::vm {

[[nodiscard]] RunPlan saved_plan(const RunPlan& plan, std::vector<ImageDisk> image_disks);

}  // namespace fcvm::vm
