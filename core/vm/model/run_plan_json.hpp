// RunPlan as JSON, for the manifest of a snapshot: what a clone of the VM is made from. What is in
// the guest's memory anyway (environment, options of podman) and what is the caller's own (whether
// it is detached, its log) is not part of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/run_plan.hpp"

namespace fcvm::vm {

[[nodiscard]] std::string to_json(const RunPlan& plan, const std::vector<ImageDisk>& image_disks);

/// The other way round; the disks are in the plan's `restore`, of which the rest is the caller's to
/// fill in. EPROTO for what is none.
[[nodiscard]] Result<RunPlan> run_plan_from_json(std::string_view json);

}  // namespace fcvm::vm
