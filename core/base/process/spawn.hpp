// spawn(): starts a program with exactly the descriptors, namespaces, limits and identity it is
// given.
//
// Owns nothing; the descriptors in SpawnOptions are borrowed until spawn() returns.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/jail/jail.hpp"
#include "core/base/process/child.hpp"
#include "core/base/process/namespaces.hpp"

namespace fcvm::base {

/// Descriptor `from` of ours becomes `to` in the child.
struct FdMapping {
  int from;
  int to;
};

struct ResourceLimit {
  int resource;  // RLIMIT_...
  rlimit limit;
};

/// Stands for /dev/null where a standard descriptor is asked for.
constexpr int kDevNull = -1;

struct SpawnOptions {
  std::vector<std::string> argv;
  /// What to execute, when it is not argv[0]. Without a slash it is looked up in the PATH of
  /// `environment`, in the child: after it has entered its namespaces.
  std::string program;
  /// "NAME=value"; nothing: ours.
  std::optional<std::vector<std::string>> environment;

  /// Looked up after the namespaces were entered and before uid and gid change. Without one the
  /// child stays in ours, or in the root of the mount namespace it enters. At most one of both.
  std::string cwd;
  int cwd_fd = -1;

  int stdin_fd = 0;
  int stdout_fd = 1;
  int stderr_fd = 2;
  /// Whatever is neither here nor among the three above does not reach the child.
  std::vector<FdMapping> extra_fds;

  /// Entered as nsenter does, the user namespace first or last as privilege demands. With a pid
  /// namespace the child is a process in it, and a child of ours all the same.
  std::vector<NamespaceFd> namespaces;
  /// Mount, IPC and UTS namespaces of its own, after those were entered; not where that is not
  /// permitted. What is mounted outside later is seen inside, and not the reverse.
  bool own_namespaces = false;

  /// A cgroup's directory. The child starts in it (CLONE_INTO_CGROUP), or moves into it first thing
  /// where the kernel cannot.
  int cgroup_fd = -1;

  /// Sent to the child when the THREAD that called spawn() ends, as the kernel has it: spawn from a
  /// thread that lives as long as the child should. 0: none. A set-uid program drops it.
  int parent_death_signal = SIGKILL;

  bool new_session = false;
  bool new_process_group = false;

  /// When one is set, `groups` become the supplementary groups, unless keep_groups (needed in a
  /// user namespace that denies setgroups).
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::vector<gid_t> groups;
  bool keep_groups = false;

  std::vector<ResourceLimit> limits;

  /// Then `own_namespaces`, `cwd` and `uid` are the jail's business, and a user namespace is
  /// entered only without the jail's uid, which takes more privilege than one gives.
  const Jail* jail = nullptr;
};

/// Returns once the program runs. A failure in the child before that comes back as an error which
/// says what failed on what: ENOENT with the program's name when it does not exist. The child
/// starts with every signal unblocked and at its default. `outcome` says how good a jail it got.
Result<Child> spawn(const SpawnOptions& options, JailOutcome* outcome = nullptr);

}  // namespace fcvm::base
