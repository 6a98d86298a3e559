// What setup needs of the host, looked at before it begins.
#pragma once

#include <fcvm/result.hpp>

#include "core/setup/plan.hpp"

namespace fcvm::setup {

/// Programs and privileges of which it is clear beforehand that the planned stages need them.
[[nodiscard]] Result<void> check_needs(const Settings& settings, const Plan& plan);
/// Ranges of subordinate ids for the invoking user, as mmdebstrap needs them; root needs none.
[[nodiscard]] Result<void> check_subordinate_ids();

}  // namespace fcvm::setup
