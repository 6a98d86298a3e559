// Runs the cases, each in a process of its own that is ended when it takes too long.
#pragma once

#include <chrono>
#include <vector>

#include "plugin-api/check/case.hpp"

namespace fcvm::check {

struct Finding {
  const Case* rule;
  Outcome outcome;
  std::chrono::milliseconds took{0};
};

/// Runs `cases`, and of those whose prerequisites did not hold says so.
[[nodiscard]] std::vector<Finding> run_cases(const std::vector<Case>& cases, const Target& target,
                                             std::chrono::milliseconds timeout);

}  // namespace fcvm::check
