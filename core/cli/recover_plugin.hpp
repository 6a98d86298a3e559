// Undoing what a plugin recorded for a VM whose supervisor was killed.
#pragma once

#include "core/vm/store/gc.hpp"

namespace fcvm::cli {

class Invocation;

/// Loads plugins when the first is needed: most often there is nothing to undo. `invocation` must
/// outlive it.
[[nodiscard]] vm::RecoverPlugin recover_plugin(Invocation& invocation);

}  // namespace fcvm::cli
