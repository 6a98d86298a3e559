// The child's way into the container and to its program; see process_child.hpp.
#include "agent/process_child.hpp"

#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/file.hpp"

namespace fcvm::agent {
namespace {

constexpr int kContainerNamespaces =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

const char* variable(const std::vector<std::string>& environment, std::string_view name) {
  const char* found = nullptr;
  for (const auto& entry : environment) {
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
      found = entry.c_str() + name.size() + 1;
    }
  }
  return found;
}

// The guest has cgroup2 alone, so the process has one line: "0::/path".
Result<base::Fd> open_cgroup(pid_t pid) {
  const std::string line = FCVM_TRY(base::read_file("/proc/" + std::to_string(pid) + "/cgroup"));
  const auto start = line.find("0::");
  if (start == std::string::npos) return base::Fd();
  const std::string path = line.substr(start + 3, line.find('\n', start) - start - 3);
  return base::open_file("/sys/fs/cgroup" + path + "/cgroup.procs", O_WRONLY);
}

void report(int fd, ChildStep step, int value) {
  const ChildReport message{step, value};
  [[maybe_unused]] const auto written = ::write(fd, &message, sizeof message);
}

[[noreturn]] void give_up(int report_fd, ChildStep step, int error = errno) {
  report(report_fd, step, error);
  ::_exit(125);
}

void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
}

void set_limits(const ProcessOptions& options, int report_fd) {
  for (const auto& [resource, limit] : options.limits) {
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) {
      give_up(report_fd, ChildStep::kLimits);
    }
  }
}

// CLONE_PARENT makes the process inside a child of the agent, not of the one that goes between.
void enter_container(const ChildPlan& plan, int report_fd) {
  if (plan.cgroup_procs && ::write(plan.cgroup_procs.get(), "0", 1) != 1) {
    give_up(report_fd, ChildStep::kCgroup);
  }
  if (::setns(plan.container.get(), kContainerNamespaces) != 0) {
    give_up(report_fd, ChildStep::kNamespace);
  }
  const long pid = ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) give_up(report_fd, ChildStep::kFork);
  if (pid == 0) return;
  report(report_fd, ChildStep::kStarted, static_cast<int>(pid));
  ::_exit(0);
}

void connect_streams(const ProcessOptions& options, const ChildStreams& streams, int report_fd) {
  const uid_t uid = options.credentials ? options.credentials->uid : ::geteuid();
  ::setsid();
  if (options.tty && ::ioctl(streams.in.get(), TIOCSCTTY, 0) != 0) {
    give_up(report_fd, ChildStep::kStreams);
  }
  int target = 0;
  for (const base::Fd* fd : {&streams.in, &streams.out, &streams.err}) {
    struct stat status {};
    // So that /dev/stdout can be opened anew by a user who is not root.
    if (::fstat(fd->get(), &status) == 0 && (options.tty || !S_ISCHR(status.st_mode))) {
      [[maybe_unused]] const int owned = ::fchown(fd->get(), uid, static_cast<gid_t>(-1));
    }
    if (::dup2(fd->get(), target++) < 0) give_up(report_fd, ChildStep::kStreams);
  }
}

void load_filter(const ProcessOptions& options, int report_fd) {
  if (options.seccomp.empty()) return;
  sock_fprog program{static_cast<unsigned short>(options.seccomp.size()),
                     const_cast<sock_filter*>(options.seccomp.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, options.seccomp_flags, &program) != 0) {
    give_up(report_fd, ChildStep::kSeccomp);
  }
}

void take_ids(const Credentials& credentials, int report_fd) {
  if (::geteuid() != 0) return;  // a test that is not root stays who it is
  // Else the kernel clears the sets that set_capabilities() is to choose from.
  if (credentials.capabilities) ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (::setgroups(credentials.groups.size(), credentials.groups.data()) != 0 ||
      ::setresgid(credentials.gid, credentials.gid, credentials.gid) != 0 ||
      ::setresuid(credentials.uid, credentials.uid, credentials.uid) != 0) {
    give_up(report_fd, ChildStep::kCredentials);
  }
}

// In crun's order: a filter needs CAP_SYS_ADMIN or no_new_privs, whichever there is.
void take_identity(const ProcessOptions& options, int report_fd) {
  if (!options.credentials) return load_filter(options, report_fd);
  const Credentials& credentials = *options.credentials;
  if (!credentials.no_new_privileges) load_filter(options, report_fd);
  if (credentials.capabilities && !limit_capabilities(credentials.capabilities->bounding)) {
    give_up(report_fd, ChildStep::kCredentials);
  }
  take_ids(credentials, report_fd);
  if (credentials.capabilities && !set_capabilities(*credentials.capabilities)) {
    give_up(report_fd, ChildStep::kCredentials);
  }
  ::umask(credentials.umask);
  if (!credentials.no_new_privileges) return;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(report_fd, ChildStep::kCredentials);
  load_filter(options, report_fd);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// As execvpe(3), but with the PATH that the program will see, and never a shell in between.
int execute(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  const auto argv = pointers(command);
  const auto envp = pointers(environment);
  if (command[0].find('/') != std::string::npos) {
    ::execve(command[0].c_str(), argv.data(), envp.data());
    return errno;
  }
  const char* path = variable(environment, "PATH");
  std::string_view left = path != nullptr ? path
                                          : "/usr/local/sbin:/usr/local/bin:/usr/sbin:"
                                            "/usr/bin:/sbin:/bin";
  int worst = ENOENT;
  for (;;) {
    const auto end = left.find(':');
    const std::string program = std::string(left.substr(0, end)) + "/" + command[0];
    ::execve(program.c_str(), argv.data(), envp.data());
    if (errno != ENOENT && errno != ENOTDIR) worst = errno;
    if (end == std::string_view::npos) return worst;
    left.remove_prefix(end + 1);
  }
}

}  // namespace

// Inside the container's root, but neither visible to its processes nor bound by its limits.
[[noreturn]] void run_task(const ProcessOptions& options, const ChildPlan& plan,
                           const ChildStreams& streams, int report_fd) {
  if (options.container > 0 && (::setns(plan.container.get(), CLONE_NEWNS) != 0 ||
                                ::fchdir(plan.root.get()) != 0 || ::chroot(".") != 0)) {
    give_up(report_fd, ChildStep::kNamespace);
  }
  connect_streams(options, streams, report_fd);
  const char* workdir = options.workdir.empty() ? "/" : options.workdir.c_str();
  if (::chdir(workdir) != 0) give_up(report_fd, ChildStep::kWorkdir);
  ::umask(0);
  // No exec closes what is the agent's; report_fd is the last of it, and tells of the start.
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  ::_exit(options.task());
}

Result<ChildPlan> plan_child(const ProcessOptions& options) {
  ChildPlan plan;
  if (options.container <= 0) return plan;
  plan.container = base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, options.container, 0)));
  if (!plan.container) return fail(ESRCH, "entering the container: it does not run");
  if (options.task) {
    plan.root = FCVM_TRY(base::open_file("/proc/" + std::to_string(options.container) + "/root",
                                         O_PATH | O_DIRECTORY));
    return plan;
  }
  plan.cgroup_procs = FCVM_TRY(open_cgroup(options.container));
  return plan;
}

void run_child(const ProcessOptions& options, const ChildPlan& plan, const ChildStreams& streams,
               int report_fd) {
  reset_signals();
  if (options.task) run_task(options, plan, streams, report_fd);
  if (options.container > 0) enter_container(plan, report_fd);
  connect_streams(options, streams, report_fd);
  if (!options.root.empty() && ::chroot(options.root.c_str()) != 0) {
    give_up(report_fd, ChildStep::kWorkdir);
  }
  const char* workdir = options.workdir.empty() ? "/" : options.workdir.c_str();
  if (::chdir(workdir) != 0) give_up(report_fd, ChildStep::kWorkdir);
  set_limits(options, report_fd);
  take_identity(options, report_fd);
  give_up(report_fd, ChildStep::kExec, execute(options.command, options.environment));
}

}  // namespace fcvm::agent
