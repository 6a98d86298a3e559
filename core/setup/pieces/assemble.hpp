// Putting a guest together from its pieces.
#pragma once

#include <filesystem>
#include <string>

#include <fcvm/result.hpp>

#include "core/setup/pieces/piece.hpp"
#include "core/setup/plan.hpp"

namespace fcvm::setup {

struct Pieces {
  Piece rootfs{};
  Piece kernel{};
  Piece initrd{};
  Piece hello{};
};

/// guest.json; without a time, so that the same pieces have the same manifest.
[[nodiscard]] std::string guest_manifest(const Settings& settings, const Plan& plan,
                                         const Pieces& pieces, const std::string& packages);

/// Makes <guests>/<key> of hard links and turns <guests>/current to it. The key holds the hash of
/// the content too: --force, which may bring younger packages, never changes what a VM or snapshot
/// has open.
[[nodiscard]] Result<void> assemble_guest(const Settings& settings, const Plan& plan,
                                          const Pieces& pieces,
                                          const std::filesystem::path& scratch);

}  // namespace fcvm::setup
