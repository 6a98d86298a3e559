// One case in a child process: an empty working directory, captured output, a time limit.
#pragma once

#include <chrono>
#include <string>

#include "plugin-api/check/case.hpp"

namespace fcvm::check {

struct Isolated {
  Outcome outcome;
  std::string printed;  // by a case that came to its end
  std::chrono::milliseconds took{0};
};

[[nodiscard]] Isolated run_isolated(const Case& rule, const Target& target,
                                    std::chrono::milliseconds timeout);

}  // namespace fcvm::check
