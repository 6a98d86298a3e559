// Isolation: what the kernel says of how a process is kept from the host, for `fcvm inspect`.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace fcvm::vm {

struct Isolation {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string capabilities;  // effective, as in /proc/PID/status
  std::string bounding;
  bool no_new_privileges = false;
  bool seccomp = false;
  bool own_root = false;                // another root directory than ours
  std::vector<std::string> namespaces;  // those that are not ours: "mnt", "pid"...
};

/// Nothing when there is no such process, or it may not be looked at.
[[nodiscard]] std::optional<Isolation> isolation_of(pid_t pid);

}  // namespace fcvm::vm
