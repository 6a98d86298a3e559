// From a snapshot to the plan of a clone, as far as the snapshot decides it.
#pragma once

#include <fcvm/result.hpp>

#include "core/plugin/registry.hpp"
#include "core/snapshot/store.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::snapshot {

/// Its names, what is published, and what becomes of its output are for the caller to fill in.
/// Refuses a snapshot that is not whole, or that this host or these plugins cannot bring to life.
[[nodiscard]] Result<vm::RunPlan> clone_plan(const Snapshot& snapshot,
                                             const plugin::Registry& registry);

/// What `wanted`, by whose recipe the snapshot was made, is as its clone. Its gates had passed.
[[nodiscard]] vm::RunPlan as_clone(vm::RunPlan wanted, const vm::RunPlan& clone);

}  // namespace fcvm::snapshot
