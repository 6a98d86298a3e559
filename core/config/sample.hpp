// The commented sample of etc/, made from the tables.
#pragma once

#include <string>
#include <vector>

#include "core/config/option.hpp"

namespace fcvm::config {

/// Every option with its help and default: text after "# ", settings after a bare "#", so that
/// removing the # of a setting enables it.
[[nodiscard]] std::string sample(const std::vector<OptionTable>& tables);

}  // namespace fcvm::config
