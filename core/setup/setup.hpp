// fcvm setup: makes what is missing of a guest and turns <guests>/current to it.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/setup/guest.hpp"
#include "core/setup/plan.hpp"
#include "core/setup/progress.hpp"

namespace fcvm::setup {

struct MadePiece {
  std::string name{};
  std::string key{};
  bool made = false;  // or it was there
  double seconds = 0;
};

struct Outcome {
  Guest guest{};
  std::vector<MadePiece> pieces{};
};

/// Two at once are safe: the second waits and finds the work done. A killed one is continued by the
/// next. `force` makes every piece again.
[[nodiscard]] Result<Outcome> run_setup(const Settings& settings, bool force, Progress& progress);

}  // namespace fcvm::setup
