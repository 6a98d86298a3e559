// The agent's end of a copy between host and container: what core/copy does, on stdin and stdout.
#pragma once

#include <optional>
#include <sys/types.h>
#include <utility>

#include "core/wire/copy.hpp"

namespace fcvm::agent {

/// Runs the order in this process, whose root is the container's: the exit code. What comes in
/// belongs to `owner`.
int run_copy(const wire::CopyOrder& order, std::pair<uid_t, gid_t> owner);

}  // namespace fcvm::agent
