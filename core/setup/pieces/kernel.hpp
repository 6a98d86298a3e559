// The guest's kernel: taken from the suite, the host, a file or a URL; its ELF file; its modules.
#pragma once

#include <fcvm/result.hpp>

#include "core/setup/pieces/job.hpp"

namespace fcvm::setup {

/// vmlinuz; vmlinux where one is in it; `modules` and `order`. `rootfs` is where the suite's is.
[[nodiscard]] Result<Piece> make_kernel(const Job& job, const Piece& rootfs);

}  // namespace fcvm::setup
