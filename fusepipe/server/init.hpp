// What server and kernel agree on when a mount begins: which of the kernel's abilities are used.
#pragma once

#include "fusepipe/server/options.hpp"
#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

/// The same answer to the same question, whichever stream of a mount asks. `major` is 0 when the
/// kernel is too old: 7.36 (Linux 5.17) is needed.
[[nodiscard]] fuse_init_out answer_init(const fuse_init_in& in, const ServeOptions& options);

}  // namespace fcvm::fusepipe
