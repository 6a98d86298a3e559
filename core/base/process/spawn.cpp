// The parent's side of spawn.hpp: prepares everything the child needs, clones, and turns what the
// child reports into a Result.
#include "core/base/process/spawn.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/sched.h>
#include <memory>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/fd_name.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/jail/jail_prepare.hpp"
#include "core/base/process/spawn_child.hpp"

namespace fcvm::base {

namespace {

/// The number that it becomes is a matter between the two programs.
std::string passing(const FdMapping& mapping) {
  return "passing " + fd_name(mapping.from) + " as descriptor " + std::to_string(mapping.to);
}

Result<Fd> open_pidfd(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return fail_errno("opening a pidfd of process " + std::to_string(pid));
  return Fd(static_cast<int>(fd));
}

const std::string& program_of(const SpawnOptions& options) {
  return options.program.empty() ? options.argv.front() : options.program;
}

std::string path_variable(const SpawnOptions& options) {
  constexpr const char* kDefault = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  if (!options.environment) {
    const char* ours = std::getenv("PATH");
    return ours != nullptr ? ours : kDefault;
  }
  for (const std::string& variable : *options.environment) {
    if (variable.starts_with("PATH=")) return variable.substr(5);
  }
  return kDefault;
}

std::vector<std::string> candidates(const SpawnOptions& options) {
  const std::string& program = program_of(options);
  if (program.empty() || program.find('/') != std::string::npos) return {program};
  std::vector<std::string> found;
  const std::string path = path_variable(options);
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    // An empty entry of PATH means the working directory; nothing good comes of that.
    if (end > start) found.push_back(path.substr(start, end - start) + "/" + program);
    start = end + 1;
  }
  return found;
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

constexpr std::size_t kStackSize = 256 * 1024;

/// Owns what ChildPlan points to.
class Prepared {
 public:
  static Result<Prepared> from(const SpawnOptions& options, int report_fd) {
    Prepared prepared;
    prepared.parent_ = FCVM_TRY(open_pidfd(::getpid()));
    FCVM_TRY(prepared.collect_fds(options));
    prepared.program_names_ = candidates(options);
    prepared.programs_ = pointers_to(prepared.program_names_);
    prepared.argv_ = pointers_to(options.argv);
    if (options.environment) prepared.environment_ = pointers_to(*options.environment);
    prepared.namespaces_ = options.namespaces;
    std::stable_partition(prepared.namespaces_.begin(), prepared.namespaces_.end(),
                          [](const NamespaceFd& n) { return n.kind == NamespaceKind::kUser; });
    prepared.report_fd_ = report_fd;
    if (options.jail != nullptr) FCVM_TRY(prepared.prepare_jail(*options.jail));
    return prepared;
  }

  /// The plan writes into our vectors, so each is good for one clone; a clone that failed wrote
  /// nothing.
  ChildPlan plan(const SpawnOptions& options, bool join_cgroup, bool jail_namespaces) {
    if (jail_) jail_plan_ = jail_->plan(jail_namespaces);
    return {.options = &options,
            .programs = {programs_.data(), programs_.size() - 1},
            .argv = argv_.data(),
            .environment = options.environment ? environment_.data() : ::environ,
            .fds = fds_,
            .namespaces = namespaces_,
            .second_stack = stack_.get() + kStackSize,
            .jail = jail_ ? &jail_plan_ : nullptr,
            .join_cgroup = join_cgroup,
            .parent_pidfd = parent_.get(),
            .report_fd = report_fd_};
  }

  [[nodiscard]] const PreparedJail* jail() const { return jail_ ? &*jail_ : nullptr; }

  /// What the step was about, for the user.
  [[nodiscard]] std::string describe(const SpawnReport& report, const SpawnOptions& options) const;

 private:
  Result<void> collect_fds(const SpawnOptions& options);
  Result<void> prepare_jail(const Jail& jail);

  std::vector<std::string> program_names_;
  std::vector<char*> programs_;
  std::vector<char*> argv_;
  std::vector<char*> environment_;
  std::vector<FdMapping> fds_;
  std::vector<NamespaceFd> namespaces_;
  std::unique_ptr<char[]> stack_{new char[kStackSize]};
  std::optional<PreparedJail> jail_;
  JailPlan jail_plan_{};
  Fd null_;
  Fd parent_;
  int report_fd_ = -1;
};

/// Privilege is worth more in our own user namespace than in another, where the jail's uid may not
/// exist.
Result<void> Prepared::prepare_jail(const Jail& jail) {
  const auto is_user = [](const NamespaceFd& n) { return n.kind == NamespaceKind::kUser; };
  if (jail.uid) std::erase_if(namespaces_, is_user);
  const bool enters = std::any_of(namespaces_.begin(), namespaces_.end(), is_user);
  jail_ = FCVM_TRY(PreparedJail::from(jail, enters));
  return {};
}

Result<void> Prepared::collect_fds(const SpawnOptions& options) {
  fds_ = {{options.stdin_fd, 0}, {options.stdout_fd, 1}, {options.stderr_fd, 2}};
  for (FdMapping& standard : fds_) {
    if (standard.from != kDevNull) continue;
    if (!null_) null_ = FCVM_TRY(open_file("/dev/null", O_RDWR));
    standard.from = null_.get();
  }
  fds_.insert(fds_.end(), options.extra_fds.begin(), options.extra_fds.end());
  std::sort(fds_.begin(), fds_.end(),
            [](const FdMapping& a, const FdMapping& b) { return a.to < b.to; });
  for (std::size_t i = 0; i < fds_.size(); ++i) {
    const std::string what = passing(fds_[i]) + ": ";
    if (fds_[i].to < 0) return fail(EINVAL, what + "no such number");
    if (fds_[i].from < 0) return fail(EBADF, what + "it is not open");
    if (i > 0 && fds_[i].to == fds_[i - 1].to) {
      return fail(EINVAL, what + "another one becomes that number too");
    }
  }
  return {};
}

std::optional<uid_t> jail_uid(const SpawnOptions& options) {
  return options.jail == nullptr ? std::nullopt : options.jail->uid;
}

std::string Prepared::describe(const SpawnReport& report, const SpawnOptions& options) const {
  const auto index = static_cast<std::size_t>(std::max(report.detail, 0));
  switch (report.step) {
    case SpawnStep::kForked:
      break;
    case SpawnStep::kSession:
      return "starting a session";
    case SpawnStep::kProcessGroup:
      return "starting a process group";
    case SpawnStep::kCgroup:
      return "moving it into its cgroup";
    case SpawnStep::kNamespace:
      return std::string("entering the ") + name_of(namespaces_[index].kind) + " namespace";
    case SpawnStep::kForkAgain:
      return "forking into the pid namespace";
    case SpawnStep::kOwnNamespaces:
      return "making namespaces of its own";
    case SpawnStep::kJail:
      return jail_->describe(report.detail);
    case SpawnStep::kDirectory:
      return "changing directory to " +
             (options.cwd.empty() ? fd_name(options.cwd_fd) : options.cwd);
    case SpawnStep::kMoveFd:
      if (report.detail < 0) return "making room for its descriptors";
      return passing(fds_[index]);
    case SpawnStep::kCloseFds:
      return "closing the other descriptors";
    case SpawnStep::kLimit:
      return "setting resource limit " + std::to_string(options.limits[index].resource);
    case SpawnStep::kGroups:
      return "setting its supplementary groups";
    case SpawnStep::kGid:
      return "changing to gid " +
             std::to_string(jail_uid(options).value_or(options.gid.value_or(0)));
    case SpawnStep::kUid:
      return "changing to uid " +
             std::to_string(jail_uid(options).value_or(options.uid.value_or(0)));
    case SpawnStep::kDeathSignal:
      return "asking for a signal at the parent's death";
    case SpawnStep::kExec:
      return "executing " + program_of(options);
  }
  return "starting";
}

/// No handler of ours may run in the child before it has reset them all.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

/// The thread sanitizer has to see a fork, or its locks may be held for ever in the child. But
/// after one it starts a thread there, and who has threads cannot enter a user or mount namespace.
bool has_to_fork([[maybe_unused]] const SpawnOptions& options) {
#if defined(__SANITIZE_THREAD__)
  return options.namespaces.empty() && !options.own_namespaces && options.jail == nullptr;
#else
  return false;
#endif
}

/// clone3 as fork; the pid, or -1 with errno.
pid_t clone_child(int cgroup_fd, int& pidfd) {
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

/// A child without a pidfd (we may have no descriptor left) has no owner, so it must not live.
Result<Child> adopt(pid_t pid) {
  auto pidfd = open_pidfd(pid);
  if (pidfd) return Child(pid, *std::move(pidfd));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return unexpected(std::move(pidfd).error());
}

/// Tries the best way first; whatever the kernel or a seccomp filter has against it, the next one
/// does the same in more steps, and the error of the last is the one reported.
Result<Child> start(Prepared& prepared, const SpawnOptions& options, bool jail_namespaces) {
  const BlockedSignals blocked;
  int pidfd = -1;
  pid_t pid = -1;
  bool join_cgroup = false;
  const bool may_clone = !has_to_fork(options);
  if (may_clone && options.cgroup_fd >= 0) pid = clone_child(options.cgroup_fd, pidfd);
  if (pid < 0) {
    join_cgroup = options.cgroup_fd >= 0;
    if (may_clone) pid = clone_child(-1, pidfd);
  }
  if (pid < 0) pid = ::fork();
  if (pid < 0) return fail_errno("forking");
  if (pid == 0) {
    ChildPlan plan = prepared.plan(options, join_cgroup, jail_namespaces);
    run_child(plan);
  }
  if (pidfd >= 0) return Child(pid, Fd(pidfd));
  return adopt(pid);
}

struct Outcome {
  pid_t forked = 0;
  std::optional<SpawnReport> failure;
};

/// Reads until exec closes the child's end of the pipe.
Result<Outcome> read_reports(int fd) {
  Outcome outcome;
  for (;;) {
    SpawnReport report{};
    const std::span<char> bytes(reinterpret_cast<char*>(&report), sizeof report);
    const std::size_t got = FCVM_TRY(read_some(fd, bytes));
    if (got == 0) return outcome;
    if (got != sizeof report) return fail(EPROTO, "reading the child's report: it was cut");
    if (report.step == SpawnStep::kForked) {
      outcome.forked = report.detail;
    } else {
      outcome.failure = report;
    }
  }
}

/// A child that could not be started, in words; `refused` when it only was refused namespaces.
struct Failure {
  Error error;
  bool refused;
};

Result<Child> spawn_once(const SpawnOptions& options, bool jail_namespaces,
                         std::optional<Failure>& failure, std::string& without_landlock) {
  Pipe reports = FCVM_TRY(Pipe::create());
  Prepared prepared = FCVM_TRY(Prepared::from(options, reports.write_end.get()));
  if (prepared.jail() != nullptr) without_landlock = prepared.jail()->without_landlock();
  Child child = FCVM_TRY(start(prepared, options, jail_namespaces));
  FCVM_TRY(reports.write_end.close());
  const Outcome outcome = FCVM_TRY(read_reports(reports.read_end.get()));
  if (outcome.forked != 0) {
    FCVM_TRY(child.wait());  // the one in between, which has only forked and left
    child = FCVM_TRY(adopt(outcome.forked));
  }
  if (outcome.failure) {
    (void)child.wait();
    const auto& [step, error, detail] = *outcome.failure;
    const std::string what = prepared.describe(*outcome.failure, options);
    failure = {Error(error, what + ": " + std::strerror(error)),
               step == SpawnStep::kJail && PreparedJail::refuses_namespaces(detail, error)};
    return fail(error, failure->error.message());
  }
  return child;
}

JailOutcome outcome_of(bool namespaces, std::string refusal, const std::string& without_landlock) {
  if (namespaces) return {JailLevel::kNamespaces, ""};
  if (without_landlock.empty()) return {JailLevel::kLandlock, std::move(refusal)};
  return {JailLevel::kNone, refusal + "; " + without_landlock};
}

/// With the jail's namespaces, and without where the host refuses those.
Result<Child> spawn_checked(const SpawnOptions& options, JailOutcome* outcome) {
  std::optional<Failure> failure;
  std::string without_landlock;
  auto child = spawn_once(options, true, failure, without_landlock);
  const bool refused = !child && failure && failure->refused;
  if (!refused) {
    if (child && options.jail != nullptr && outcome != nullptr) *outcome = outcome_of(true, "", "");
    return child;
  }
  JailOutcome less = outcome_of(false, failure->error.message(), without_landlock);
  if (options.jail->before_less) FCVM_TRY(options.jail->before_less(less));
  SpawnOptions without = options;
  // As whom it owns what it is given: another user could not even reach it.
  without.uid.reset();
  Jail jail = *options.jail;
  jail.uid.reset();
  without.jail = &jail;
  child = spawn_once(without, false, failure, without_landlock);
  if (child && outcome != nullptr) *outcome = std::move(less);
  return child;
}

}  // namespace

Result<Child> spawn(const SpawnOptions& options, JailOutcome* outcome) {
  if (options.argv.empty()) return fail(EINVAL, "starting a program: it has no argv");
  return spawn_checked(options, outcome) | context("starting " + options.argv.front());
}

}  // namespace fcvm::base
