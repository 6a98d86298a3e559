// What happens between fork() and the program, for process.cpp. Internal to it.
#pragma once

#include "agent/process.hpp"

namespace fcvm::agent {

/// The child's ends.
struct ChildStreams {
  base::Fd in;
  base::Fd out;
  base::Fd err;
};

enum class ChildStep : int {
  kStarted,  // no failure: value is the pid, as the agent sees it
  kCgroup,
  kNamespace,
  kFork,
  kStreams,
  kWorkdir,
  kLimits,
  kCredentials,
  kSeccomp,
  kExec,
};

/// Smaller than PIPE_BUF, so that reports never mix.
struct ChildReport {
  ChildStep step;
  int value;
};

/// What has to be found out before the child is inside the container and no longer can.
struct ChildPlan {
  base::Fd container;     // a pidfd
  base::Fd cgroup_procs;  // to write "0" to
  base::Fd root;          // of the container, for a task
};

Result<ChildPlan> plan_child(const ProcessOptions& options);

[[noreturn]] void run_child(const ProcessOptions& options, const ChildPlan& plan,
                            const ChildStreams& streams, int report_fd);

}  // namespace fcvm::agent
