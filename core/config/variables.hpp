// FCVM_ variables which set nothing, most likely because they are misspelt.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/config/environment.hpp"

namespace fcvm::config {

enum class Variables { kCore, kPlugin };  // FCVM_PLUGIN_* are a plugin's

/// A warning for each variable of the kind that is neither in `known` nor read by another part of
/// fcvm.
[[nodiscard]] std::vector<std::string> unmatched_variables(const Environment& environment,
                                                           const std::set<std::string>& known,
                                                           Variables kind);

}  // namespace fcvm::config
