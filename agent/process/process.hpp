// Process: one child of the agent with its pipes or its terminal, in the guest or inside the
// container's namespaces.
//
// Owns our ends of its standard streams; ProcessRun follows it. Not base::spawn: this one gives a
// controlling terminal, capabilities, a seccomp filter and the way into a container.
#pragma once

#include <cstdint>
#include <functional>
#include <linux/filter.h>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/container/capability.hpp"
#include "core/base/io/fd.hpp"

namespace fcvm::agent {

/// Who a process is, and what it may do.
struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::optional<CapabilitySets> capabilities;  // nothing: as the kernel has it for the ids
  bool no_new_privileges = false;
  mode_t umask = 0022;
};

struct ProcessOptions {
  std::vector<std::string> command;
  /// In place of the command, which then is its name only: runs in the container's root, as root
  /// unless there are credentials, and what it returns is the exit code.
  std::function<int()> task;
  std::vector<std::string> environment;  // all of it; its PATH finds the program
  std::string workdir;
  bool tty = false;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  bool stdin_open = false;                 // else /dev/null
  pid_t container = 0;                     // enter the namespaces and the cgroup of this process
  std::optional<Credentials> credentials;  // nothing: the agent's
  std::vector<std::pair<int, rlimit>> limits;
  std::vector<sock_filter> seccomp;  // empty: none
  unsigned seccomp_flags = 0;
  bool detach_streams = false;  // /dev/null for all three
  /// Where one of the guest's own finds `inherited`, a descriptor beside its streams; -1: none.
  static constexpr int kInheritedAs = 4;
  int inherited = -1;
};

struct Process {
  pid_t pid = -1;
  base::Fd stdin_fd;  // of a tty: the terminal, as is stdout_fd
  base::Fd stdout_fd;
  base::Fd stderr_fd;  // none with a tty
  bool tty = false;

  void resize(std::uint16_t rows, std::uint16_t columns) const;
  /// To the process group that it leads.
  void signal(int number) const;
};

/// A process that is on its way to its program.
struct Launch {
  Process process;     // of one that enters the container, the pid is the helper's at first
  base::Fd link;       // what it reports, and its end once the program runs
  bool joins = false;  // enters a container's pid namespace, and so gets another pid
};

/// Waits for nothing that the container could hold up. Errors, here and later, carry the exit code
/// of podman's kind: see exit_code_of().
Result<Launch> launch_process(const ProcessOptions& options);

/// What a process says on its way.
struct LaunchNews {
  enum class Kind { kNothing, kEntered, kFailed, kClosed };
  Kind kind = Kind::kNothing;
  pid_t pid = -1;                // kEntered: the pid for good
  std::optional<Error> failure;  // kFailed
};

/// The next of it; does not wait.
LaunchNews read_news(const Launch& launch, const std::string& name);

/// 127: not found, 126: found but cannot be executed, 125: everything else.
[[nodiscard]] int exit_code_of(const Error& error);

}  // namespace fcvm::agent
