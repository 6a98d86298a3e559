// OciConfig: how crun runs the container, read from what crun keeps of it, so that a command can
// join it as `podman exec` would, without starting podman.
#pragma once

#include <linux/filter.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/container/capability.hpp"

namespace fcvm::agent {

struct OciConfig {
  std::string id;  // podman's, 64 hexadecimal digits; empty where podman has no part in it
  std::string hostname;
  std::vector<std::string> environment;
  std::string workdir = "/";
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  mode_t umask = 0022;
  CapabilitySets capabilities;
  bool no_new_privileges = false;
  std::vector<std::pair<int, rlimit>> limits;
  std::vector<sock_filter> seccomp;  // as crun compiled it; empty: none
  unsigned seccomp_flags = 0;
};

/// From the text of a config.json. ENOTSUP for what cannot be done here as crun does it: a user or
/// time namespace, a seccomp listener, a scheduling policy, a label of a security module.
/// `wants_seccomp` says that a filter belongs to it.
Result<OciConfig> parse_oci_config(std::string_view json, bool& wants_seccomp);

/// The signal that such a container is stopped with: --stop-signal, or else its image's; 0 when
/// podman has not said which.
int parse_stop_signal(std::string_view json);

/// The id in the text of /proc/PID/cgroup; empty when it is not a container of podman's.
std::string podman_id(std::string_view cgroup);

/// Of the container whose first process is `pid`.
Result<OciConfig> read_oci_config(pid_t pid);

/// Likewise: its signal to stop, SIGTERM where it has none.
int read_stop_signal(pid_t pid);

/// Without what podman adds only when a container starts, and finds anew for an exec: HOSTNAME and,
/// unless it differs from `home`, HOME. `given` is what the user asked for.
std::vector<std::string> exec_environment(const OciConfig& config, const std::string& home,
                                          const std::vector<std::string>& given);

}  // namespace fcvm::agent
