// What a clone has inherited and must not keep: its source's connections, and its name in the
// container. Owns nothing.
#pragma once

#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/wire/boot_plan.hpp"

namespace fcvm::agent {

/// Breaks the TCP connections that lead out of this machine, whichever process has them: whoever
/// reads or writes there is told ECONNRESET. Listening sockets, and connections of the machine with
/// itself, stay.
Result<void> break_connections();

/// Whether the line of /proc/net/tcp or tcp6 is of a connection to elsewhere; its socket's inode,
/// or 0.
[[nodiscard]] unsigned long outward_inode(const std::string& line);

/// The names of the machine as its container sees them: its hostname, /etc/hostname, /etc/hosts,
/// /etc/resolv.conf, and a machine-id where it has one. What the container does not have is left
/// out.
struct ContainerNames {
  std::string hostname;
  std::string hosts;
  std::string resolv_conf;  // empty: it stays
  std::string machine_id;
};
Result<void> rename_in_container(pid_t container, const ContainerNames& names);

}  // namespace fcvm::agent
