// Copying a file: shared blocks where the file system can, else within the kernel. Owns nothing.
#pragma once

#include <cstdint>
#include <functional>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

namespace fcvm::archive {

/// From the start of `from` to its end; `copied` hears how many bytes there are so far.
Result<void> clone_file(int from, int to, const Call& call,
                        const std::function<void(std::uint64_t)>& copied);

}  // namespace fcvm::archive
