// Helper: fc-enter, the program that becomes each command, and how the agent starts it; see
// agent/process/enter/request.hpp.
//
// A file in memory that nobody can write to, opened once and kept: the container may have replaced
// every file that it can reach, and reaches this one through /proc/self/exe at most.
#pragma once

#include <sys/types.h>

#include <fcvm/result.hpp>

#include "agent/process/process.hpp"
#include "core/base/io/fd.hpp"

namespace fcvm::agent {

/// The child's ends.
struct ChildStreams {
  base::Fd in;
  base::Fd out;
  base::Fd err;
};

/// Of the container that a command enters; empty for one of the guest's own.
struct Entrance {
  base::Fd container;  // a pidfd
  base::Fd cgroup;     // its directory
};

/// Makes the file, unless it is there.
Result<int> helper_program();

Result<Entrance> find_entrance(pid_t container);

/// What is sent through the link; fails with E2BIG.
Result<std::string> helper_request(const ProcessOptions& options, const Entrance& entrance);

/// Does not wait for more than its exec. The helper reads its request from `link`.
Result<pid_t> start_helper(const ProcessOptions& options, const Entrance& entrance,
                           const ChildStreams& streams, const base::Fd& link);

}  // namespace fcvm::agent
