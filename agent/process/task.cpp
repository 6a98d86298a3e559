// See task.hpp.
#include "agent/process/task.hpp"

#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/process/enter/request.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

/// What has to be found out while it still can be.
struct TaskPlace {
  base::Fd container;  // a pidfd
  base::Fd root;
};

Result<TaskPlace> find_place(pid_t container) {
  TaskPlace place;
  if (container <= 0) return place;
  place.container = base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, container, 0)));
  if (!place.container) return fail(ESRCH, "entering the container: it does not run");
  place.root = FCVM_TRY(
      base::open_file("/proc/" + std::to_string(container) + "/root", O_PATH | O_DIRECTORY));
  return place;
}

[[noreturn]] void give_up(int link, enter::Step step) {
  const enter::Report report{step, errno};
  [[maybe_unused]] const auto told = ::write(link, &report, sizeof report);
  ::_exit(125);
}

void connect_streams(const ChildStreams& streams, int link) {
  int target = 0;
  for (const base::Fd* fd : {&streams.in, &streams.out, &streams.err}) {
    if (::dup2(fd->get(), target++) < 0) give_up(link, enter::Step::kStreams);
  }
}

// In the order that keeps the sets to choose from.
Result<void> take_identity(const Credentials& credentials) {
  if (::geteuid() != 0) return {};  // a test that is not root stays who it is
  if (credentials.capabilities) {
    FCVM_TRY(limit_capabilities(credentials.capabilities->bounding));
    ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  }
  if (::setgroups(credentials.groups.size(), credentials.groups.data()) != 0 ||
      ::setresgid(credentials.gid, credentials.gid, credentials.gid) != 0 ||
      ::setresuid(credentials.uid, credentials.uid, credentials.uid) != 0) {
    return fail_errno("taking the ids");
  }
  // A change of identity sets it to what fs.suid_dumpable says.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (credentials.capabilities) return set_capabilities(*credentials.capabilities);
  return {};
}

[[noreturn]] void run_task(const ProcessOptions& options, const TaskPlace& place,
                           const ChildStreams& streams, int link) {
  reset_signals();
  ::setsid();
  connect_streams(streams, link);
  if (place.container && (::setns(place.container.get(), CLONE_NEWNS) != 0 ||
                          ::fchdir(place.root.get()) != 0 || ::chroot(".") != 0)) {
    give_up(link, enter::Step::kNamespace);
  }
  if (options.credentials) {
    if (const auto taken = take_identity(*options.credentials); !taken) {
      errno = taken.error().code();
      give_up(link, enter::Step::kCredentials);
    }
  }
  const char* workdir = options.workdir.empty() ? "/" : options.workdir.c_str();
  if (::chdir(workdir) != 0) give_up(link, enter::Step::kWorkdir);
  ::umask(0);
  // No exec closes what is the agent's; the link is part of it, and tells of the start.
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  ::_exit(options.task());
}

}  // namespace

void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
}

Result<pid_t> start_task(const ProcessOptions& options, const ChildStreams& streams,
                         const base::Fd& link) {
  const TaskPlace place = FCVM_TRY(find_place(options.container));
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("forking for " + options.command[0]);
  if (pid == 0) run_task(options, place, streams, link.get());
  return pid;
}

}  // namespace fcvm::agent
