// What happens between clone and exec. Internal to spawn.cpp.
//
// ChildPlan borrows what the parent prepared. After the clone of a process with threads any lock of
// libc may be held for ever, so run_child() makes only async-signal-safe calls: no allocation.
#pragma once

#include <span>
#include <sys/types.h>

#include "core/base/jail/jail_child.hpp"
#include "core/base/process/spawn.hpp"

namespace fcvm::base {

/// What the child was doing when it failed. kForked is not a failure: `detail` is the pid of the
/// child that was forked once more into its pid namespace.
enum class SpawnStep : int {
  kForked,
  kSession,
  kProcessGroup,
  kCgroup,
  kNamespace,  // detail: index
  kForkAgain,
  kOwnNamespaces,
  kJail,  // detail: JailFailure, and above it an index
  kDirectory,
  kMoveFd,  // detail: index
  kCloseFds,
  kLimit,  // detail: index
  kGroups,
  kGid,
  kUid,
  kDeathSignal,
  kExec,
};

constexpr int kJailDetailShift = 8;

/// Smaller than PIPE_BUF, so that reports of two processes never mix.
struct SpawnReport {
  SpawnStep step;
  int error;
  int detail;
};

struct ChildPlan {
  const SpawnOptions* options;
  std::span<const char* const> programs;  // tried in this order
  char* const* argv;
  char* const* environment;
  std::span<FdMapping> fds;           // sorted by `to`; `from` is overwritten in the child
  std::span<NamespaceFd> namespaces;  // the user namespace, if any, first; overwritten in the child
  char* second_stack;                 // its top, for who is forked once more
  JailPlan* jail;                     // or null
  bool join_cgroup;
  int parent_pidfd;
  int report_fd;
};

[[noreturn]] void run_child(ChildPlan& plan);

}  // namespace fcvm::base
