// The container stands still, and goes on: by the freezer of its cgroup. Owns nothing.
#pragma once

#include <fcvm/result.hpp>

namespace fcvm::agent {

/// All processes outside the agent's own cgroup, exec's in the container included; returns once
/// they stand still. ETIMEDOUT, with all going on, when one does not.
Result<void> freeze_containers();
Result<void> thaw_containers();

}  // namespace fcvm::agent
