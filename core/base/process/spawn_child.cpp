// See spawn_child.hpp. Everything here is async-signal-safe.
#include "core/base/process/spawn_child.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fcvm::base {

namespace {

constexpr int kNotStarted = 127;

class ChildSide {
 public:
  explicit ChildSide(ChildPlan& plan) : plan_(plan), options_(*plan.options) {}

  [[noreturn]] void run() {
    reset_dispositions();
    join_cgroup();
    if (enter_namespaces()) fork_again();
    become();
  }

 private:
  /// In the last process that was forked.
  [[noreturn]] void become() {
    make_namespaces();
    lead_groups();
    change_directory();
    make_jail();
    place_fds();
    close_other_fds();
    set_limits();
    if (plan_.jail != nullptr) check(limit_capabilities());
    change_identity();
    if (plan_.jail != nullptr) check(drop_capabilities());
    die_with_parent();
    if (plan_.jail != nullptr) check(lock_jail(*plan_.jail));
    execute();
  }

  void report(SpawnStep step, int error, int detail) const {
    const SpawnReport report{step, error, detail};
    (void)!::write(plan_.report_fd, &report, sizeof report);
  }

  [[noreturn]] void give_up(SpawnStep step, int detail = 0) const {
    report(step, errno, detail);
    ::_exit(kNotStarted);
  }

  void check(JailResult result) const {
    if (result.done) return;
    give_up(SpawnStep::kJail, static_cast<int>(result.failure) | result.detail << kJailDetailShift);
  }

  /// exec keeps what is ignored, and a program that starts with SIGPIPE ignored misbehaves. All
  /// signals are blocked until execute(), so no handler of the parent runs here.
  static void reset_dispositions() {
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &by_default, nullptr);
  }

  /// After the last fork: what runs is to lead, not what only forked.
  void lead_groups() const {
    if (options_.new_session) {
      if (::setsid() < 0) give_up(SpawnStep::kSession);
    } else if (options_.new_process_group && ::setpgid(0, 0) != 0) {
      give_up(SpawnStep::kProcessGroup);
    }
  }

  void join_cgroup() const {
    if (!plan_.join_cgroup) return;
    const int procs = ::openat(options_.cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (procs < 0 || ::write(procs, "0", 1) != 1) give_up(SpawnStep::kCgroup);
    ::close(procs);
  }

  static bool enter(NamespaceFd& entered) {
    if (entered.fd < 0) return true;
    if (::setns(entered.fd, clone_flag(entered.kind)) != 0) return false;
    entered.fd = -1;
    return true;
  }

  /// Two passes, as nsenter makes them. Who is privileged here enters everything else first, since
  /// the user namespace takes that privilege away; who is not gets it from the user namespace, and
  /// succeeds in the second pass.
  /// True when the pids are another namespace's for the next child only.
  bool enter_namespaces() {
    bool enters_pid = false;
    for (NamespaceFd& entered : plan_.namespaces) {
      enters_pid = enters_pid || entered.kind == NamespaceKind::kPid;
      if (entered.kind != NamespaceKind::kUser) (void)enter(entered);
    }
    for (std::size_t i = 0; i < plan_.namespaces.size(); ++i) {
      if (!enter(plan_.namespaces[i])) give_up(SpawnStep::kNamespace, static_cast<int>(i));
    }
    if (!has_jail_namespaces()) return enters_pid;
    check(unshare_for_jail(*plan_.jail));
    return true;
  }

  [[nodiscard]] bool has_jail_namespaces() const {
    return plan_.jail != nullptr && plan_.jail->namespaces;
  }

  /// setns and unshare move only later children into a pid namespace. CLONE_PARENT makes the next
  /// one a sibling, so that the caller of spawn() still is its parent, and PDEATHSIG still means
  /// that parent. It has our memory until it executes, since copying page tables takes the longest
  /// of all; that is why it has a stack of its own, and we stand still until then.
  [[noreturn]] void fork_again() {
    const int report_fd = plan_.report_fd;  // the other moves its own, and writes down where to
    const int pid = ::clone([](void* self) -> int { static_cast<ChildSide*>(self)->become(); },
                            plan_.second_stack, CLONE_PARENT | CLONE_VM | CLONE_VFORK, this);
    if (pid < 0) give_up(SpawnStep::kForkAgain);
    const SpawnReport forked{SpawnStep::kForked, 0, pid};
    (void)!::write(report_fd, &forked, sizeof forked);
    ::_exit(0);
  }

  /// Forbidden by the lack of a capability, by a security module, or by a limit of their number.
  static bool not_permitted() { return errno == EPERM || errno == EACCES || errno == ENOSPC; }

  void make_namespaces() const {
    if (!options_.own_namespaces || has_jail_namespaces()) return;
    const bool made = ::unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) == 0 &&
                      ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
    if (!made && !not_permitted()) give_up(SpawnStep::kOwnNamespaces);
  }

  void change_directory() const {
    if (options_.cwd_fd >= 0 && ::fchdir(options_.cwd_fd) != 0) give_up(SpawnStep::kDirectory);
    if (!options_.cwd.empty() && ::chdir(options_.cwd.c_str()) != 0) {
      give_up(SpawnStep::kDirectory);
    }
  }

  void make_jail() const {
    if (has_jail_namespaces()) check(enter_jail(*plan_.jail));
  }

  /// Everything goes above the highest wanted number first, so that no number is overwritten before
  /// it was copied, whatever permutation is asked for.
  void place_fds() {
    const int above = plan_.fds.back().to + 1;
    move_above(plan_.report_fd, above, -1);
    move_above(plan_.parent_pidfd, above, -1);
    if (plan_.jail != nullptr && plan_.jail->landlock >= 0) {
      move_above(plan_.jail->landlock, above, -1);
    }
    for (std::size_t i = 0; i < plan_.fds.size(); ++i) {
      move_above(plan_.fds[i].from, above, static_cast<int>(i));
    }
    for (std::size_t i = 0; i < plan_.fds.size(); ++i) {
      if (::dup2(plan_.fds[i].from, plan_.fds[i].to) < 0) {
        give_up(SpawnStep::kMoveFd, static_cast<int>(i));
      }
    }
  }

  void move_above(int& fd, int least, int index) const {
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, least);
    if (moved < 0) give_up(SpawnStep::kMoveFd, index);
    fd = moved;
  }

  /// The gaps between the wanted numbers are closed; above them everything is left to exec, since
  /// the report pipe is needed until then.
  void close_other_fds() const {
    int next = 0;
    for (const FdMapping& wanted : plan_.fds) {
      if (wanted.to > next) close_range_of(next, wanted.to - 1, 0);
      next = wanted.to + 1;
    }
    close_range_of(next, ~0U, CLOSE_RANGE_CLOEXEC);
  }

  void close_range_of(unsigned first, unsigned last, unsigned flags) const {
    if (::syscall(SYS_close_range, first, last, flags) == 0) return;
    if (errno != ENOSYS && errno != EINVAL && errno != EPERM) give_up(SpawnStep::kCloseFds);
    // A kernel before 5.11, or a seccomp filter that does not know the call.
    const long open_max = ::sysconf(_SC_OPEN_MAX);
    const auto end = static_cast<unsigned>(std::clamp(open_max, 1024L, 1L << 20));
    for (unsigned fd = first; fd <= last && fd < end; ++fd) {
      if (flags == 0) {
        ::close(static_cast<int>(fd));
      } else {
        ::fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
      }
    }
  }

  /// After the descriptors are placed, for a lower RLIMIT_NOFILE would be in the way; before the
  /// identity changes, for raising one needs privilege.
  void set_limits() const {
    for (std::size_t i = 0; i < options_.limits.size(); ++i) {
      const ResourceLimit& wanted = options_.limits[i];
      if (::syscall(SYS_prlimit64, 0, wanted.resource, &wanted.limit, nullptr) != 0) {
        give_up(SpawnStep::kLimit, static_cast<int>(i));
      }
    }
  }

  /// The calls themselves and not their wrappers: those of libc signal every thread that the parent
  /// had, to change them all, and here those threads do not exist.
  void change_identity() const {
    if (options_.jail != nullptr && options_.jail->uid) return become_jailed();
    const std::vector<gid_t>& groups = options_.groups;
    if ((options_.uid || options_.gid) && !options_.keep_groups &&
        ::syscall(SYS_setgroups, groups.size(), groups.data()) != 0) {
      give_up(SpawnStep::kGroups);
    }
    if (options_.gid &&
        ::syscall(SYS_setresgid, *options_.gid, *options_.gid, *options_.gid) != 0) {
      give_up(SpawnStep::kGid);
    }
    if (options_.uid &&
        ::syscall(SYS_setresuid, *options_.uid, *options_.uid, *options_.uid) != 0) {
      give_up(SpawnStep::kUid);
    }
  }

  void become_jailed() const {
    const uid_t id = *options_.jail->uid;
    const gid_t readers = options_.jail->readers;
    const std::size_t count = readers == 0 ? 0 : 1;
    if (::syscall(SYS_setgroups, count, &readers) != 0) give_up(SpawnStep::kGroups);
    if (::syscall(SYS_setresgid, id, id, id) != 0) give_up(SpawnStep::kGid);
    if (::syscall(SYS_setresuid, id, id, id) != 0) give_up(SpawnStep::kUid);
  }

  /// Last of all: setns and a change of identity clear it. Who died before it was set sent nothing,
  /// so the parent is looked at after; by pidfd, since getppid is 0 in another pid namespace.
  void die_with_parent() const {
    const int number = options_.parent_death_signal;
    if (number == 0) return;
    if (::prctl(PR_SET_PDEATHSIG, number) != 0) give_up(SpawnStep::kDeathSignal);
    pollfd parent{plan_.parent_pidfd, POLLIN, 0};
    if (::poll(&parent, 1, 0) != 0) ::_exit(kNotStarted);
  }

  [[noreturn]] void execute() const {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    int error = ENOENT;
    for (const char* program : plan_.programs) {
      ::execve(program, plan_.argv, plan_.environment);
      // As a shell looks through PATH: what is not there is passed over, and what may not be
      // executed too, but then the user is told of that.
      if (errno == EACCES) error = EACCES;
      if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) {
        error = errno;
        break;
      }
      if (plan_.programs.size() == 1) error = errno;
    }
    errno = error;
    give_up(SpawnStep::kExec);
  }

  ChildPlan& plan_;
  const SpawnOptions& options_;
};

}  // namespace

void run_child(ChildPlan& plan) { ChildSide(plan).run(); }

}  // namespace fcvm::base
