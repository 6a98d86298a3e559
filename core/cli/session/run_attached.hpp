// Running a container with this process's terminal or stdin: the supervisor gets a process of its
// own, so that this one can leave and the container go on.
#pragma once

#include <functional>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/cli/session/session.hpp"

namespace fcvm::cli {

/// `supervise` runs in a child of its own session, with the other end of our stream; it tells its
/// outcome through that. The exit code, once the supervisor has ended or was left.
[[nodiscard]] Result<int> run_attached(SessionOptions options,
                                       const std::function<Result<int>(Fd attached)>& supervise);

}  // namespace fcvm::cli
