// The stages of a setup: each makes one piece of a guest, in a directory of the workshop.
#pragma once

#include <fcvm/result.hpp>

#include "core/setup/pieces/piece.hpp"
#include "core/setup/plan.hpp"
#include "core/setup/progress.hpp"
#include "core/setup/workshop.hpp"

namespace fcvm::setup {

/// What every stage is given.
struct Job {
  const Settings& settings;
  const Plan& plan;
  Workshop& workshop;
  Progress& progress;
};

/// base.ext4; busybox, applets and packages; the directory `kernel` with the suite's.
[[nodiscard]] Result<Piece> make_rootfs(const Job& job);
/// vmlinuz; vmlinux where one is in it; `modules` and `order`. `rootfs` is where the suite's is.
[[nodiscard]] Result<Piece> make_kernel(const Job& job, const Piece& rootfs);
/// initrd.
[[nodiscard]] Result<Piece> make_initrd_piece(const Job& job, const Piece& kernel);
/// hello.tar.
[[nodiscard]] Result<Piece> make_hello(const Job& job, const Piece& rootfs);

/// Programs and privileges of which it is clear beforehand that the planned stages need them.
[[nodiscard]] Result<void> check_needs(const Settings& settings, const Plan& plan);
/// Ranges of subordinate ids for the invoking user, as mmdebstrap needs them; root needs none.
[[nodiscard]] Result<void> check_subordinate_ids();

}  // namespace fcvm::setup
