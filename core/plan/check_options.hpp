// What is wrong with options of [run] though each value has its type: for `fcvm config check`,
// which makes no plan.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/config.hpp"

namespace fcvm::plan {

struct Mistake {
  std::string option;
  Error error;
};

/// Options that depend on each other are judged together, so of these the first mistake is told.
[[nodiscard]] std::vector<Mistake> check_options(const config::Config& config);

}  // namespace fcvm::plan
