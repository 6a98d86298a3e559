// The root file system of guests, by mmdebstrap and mke2fs.
#pragma once

#include <fcvm/result.hpp>

#include "core/setup/pieces/job.hpp"

namespace fcvm::setup {

/// base.ext4; busybox, applets and packages; the directory `kernel` with the suite's.
[[nodiscard]] Result<Piece> make_rootfs(const Job& job);

}  // namespace fcvm::setup
