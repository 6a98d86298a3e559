// Copying a file: shared blocks where the file system can, else within the kernel. Owns nothing.
#pragma once

#include <cstdint>
#include <functional>

#include <fcvm/result.hpp>

namespace fcvm::base {

/// Makes an empty file share all blocks of another. False where the file system cannot.
[[nodiscard]] bool share_blocks(int from, int to);

/// Gives an empty file the size and contents of another; holes stay holes. `progress` is told from
/// time to time how far it is, and ends the copying with an error.
[[nodiscard]] Result<void> clone_file(
    int from, int to, const std::function<Result<void>(std::uint64_t copied)>& progress = {});

/// Puts what a file has over what one of the same size has; where it has holes, the other stays.
[[nodiscard]] Result<void> lay_over(
    int from, int to, const std::function<Result<void>(std::uint64_t copied)>& progress = {});

}  // namespace fcvm::base
