// What a start has to do with snapshots: --snapshot, --save-snapshot, --no-snapshot, and what
// `fcvm prepare` makes for them.
#pragma once

#include <optional>
#include <string>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/snapshot/store.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::cli {

struct SnapshotWishes {
  std::string from;     // begin as a clone of it; empty: boot
  std::string save_as;  // once the VM is ready; empty: not at all
};

/// ENOTSUP, with both by name, for what cannot be together.
[[nodiscard]] Result<SnapshotWishes> snapshot_wishes(Invocation& invocation,
                                                     const vm::RunPlan& plan);

/// What the plan's VM is made from. Fetches its image for that, and has the VM take what is fetched
/// then.
struct FetchedRecipe {
  snapshot::Recipe recipe;
  std::optional<int> signal;  // ended it
};
[[nodiscard]] Result<FetchedRecipe> fetch_recipe(Invocation& invocation, vm::RunPlan& plan);

/// By its whole tag or id: a VM that would boot as well is not to begin from one that was not
/// meant.
[[nodiscard]] Result<std::optional<snapshot::Snapshot>> find_saved(const snapshot::Store& store,
                                                                   const std::string& name);

/// "snapshot warm was made from something else: the command"; empty when it was not.
[[nodiscard]] std::string why_not(const snapshot::Snapshot& snapshot,
                                  const snapshot::Recipe& wanted);

/// Makes the plan that of a clone where the wished snapshot is there and will do, and says so or
/// why not. The signal that ended it, if one did.
[[nodiscard]] Result<std::optional<int>> begin_from(Invocation& invocation, vm::RunPlan& plan,
                                                    const std::string& wished);

}  // namespace fcvm::cli
