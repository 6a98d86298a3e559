// Task: code of the agent's own that runs in a child, in the container's root: a copy, or an
// order about files.
//
// The child executes nothing, so it keeps a copy of the agent's memory. It enters the container's
// mount namespace and root only: the container cannot see it, since it is in no pid namespace of
// the container's, and so can neither trace it nor send it a signal. It keeps no descriptor but its
// three streams. Where it is given an identity, it takes that before it begins.
#pragma once

#include "agent/process/helper.hpp"

namespace fcvm::agent {

/// For a child that executes nothing: it begins with no signal blocked, and none handled.
void reset_signals();

/// Reports by `link`, as the helper does, and closes it when the task runs.
Result<pid_t> start_task(const ProcessOptions& options, const ChildStreams& streams,
                         const base::Fd& link);

}  // namespace fcvm::agent
