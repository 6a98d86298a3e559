// Job: what every stage of a setup is given. Each makes one piece of a guest, in a directory of the
// workshop. Owns nothing.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/setup/pieces/piece.hpp"
#include "core/setup/plan.hpp"
#include "core/setup/progress.hpp"
#include "core/setup/workshop.hpp"

namespace fcvm::setup {

struct Job {
  const Settings& settings;
  const Plan& plan;
  Workshop& workshop;
  Progress& progress;
};

/// A piece of one file whose bytes are at hand.
[[nodiscard]] Result<Piece> install_file(const Job& job, Piece piece, const std::string& file,
                                         std::string_view bytes);

}  // namespace fcvm::setup
