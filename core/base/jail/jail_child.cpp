// See jail_child.hpp.
#include "core/base/jail/jail_child.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace fcvm::base {

namespace {

constexpr JailResult kDone{};
constexpr JailResult failed(JailFailure failure, int detail = 0) {
  return {false, failure, detail};
}

bool write_file(const char* path, const char* text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto length = static_cast<ssize_t>(std::strlen(text));
  const bool written = ::write(fd, text, static_cast<std::size_t>(length)) == length;
  const int code = errno;
  ::close(fd);
  errno = code;
  return written;
}

/// A detached mount of a file system that the kernel makes up; options in pairs.
int make_mount(const char* type, std::span<const char* const> options, unsigned attributes) {
  const int context = static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
  if (context < 0) return -1;
  long result = 0;
  for (std::size_t i = 0; i + 1 < options.size() && result == 0; i += 2) {
    result = ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[i], options[i + 1], 0);
  }
  if (result == 0) {
    result = ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  }
  if (result == 0) result = ::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  const int code = errno;
  ::close(context);
  errno = code;
  return static_cast<int>(result);
}

bool attach(int mounted, int directory, const char* at) {
  return ::syscall(SYS_move_mount, mounted, "", directory, at, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

bool set_attributes(int fd, std::uint64_t attributes, unsigned flags) {
  mount_attr set{};
  set.attr_set = attributes;
  return ::syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &set, sizeof set) == 0;
}

/// A device must stay one. What may be written may not be executed.
std::uint64_t attributes_of(const JailStep& step) {
  if (step.kind == JailStep::Kind::kDevice) return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  const std::uint64_t always = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  return always | (step.writable ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_RDONLY);
}

bool bind(int root, const JailStep& step) {
  const int tree = static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, step.from,
                                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (tree < 0) return false;
  const bool bound =
      set_attributes(tree, attributes_of(step), AT_RECURSIVE) && attach(tree, root, step.at);
  const int code = errno;
  ::close(tree);
  errno = code;
  return bound;
}

bool make_file(int root, const char* at) {
  const int fd = ::openat(root, at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno == EEXIST;
  ::close(fd);
  return true;
}

bool make_device(const JailPlan& plan, int root, const JailStep& step) {
  if (!plan.privileged) return make_file(root, step.at) && bind(root, step);
  // After mknod, so that no umask takes part of it away.
  return ::mknodat(root, step.at, S_IFCHR | step.mode, step.number) == 0 &&
         ::fchmodat(root, step.at, step.mode, 0) == 0 &&
         ::fchownat(root, step.at, plan.device_owner, plan.device_owner, 0) == 0;
}

bool take(const JailPlan& plan, int root, const JailStep& step) {
  switch (step.kind) {
    case JailStep::Kind::kDirectory:
      return ::mkdirat(root, step.at, 0755) == 0 || errno == EEXIST;
    case JailStep::Kind::kFile:
      return make_file(root, step.at);
    case JailStep::Kind::kLink:
      return ::symlinkat(step.from, root, step.at) == 0;
    case JailStep::Kind::kBind:
      return bind(root, step);
    case JailStep::Kind::kDevice:
      return make_device(plan, root, step);
  }
  return false;
}

bool leave_old_root(int root) {
  // Onto each other, so that no directory for the old one is needed.
  return ::fchdir(root) == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0 && ::fchdir(root) == 0 &&
         ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0;
}

/// What was made for the jail is in no rule that the parent could make. All that is in it may be
/// read.
bool allow_made(const JailPlan& plan) {
  if (plan.landlock < 0 || !plan.namespaces) return true;
  const auto allow = [&](const char* path, Landlock::Access access) {
    const int fd = ::open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return false;
    const bool allowed = Landlock::extend(plan.landlock, fd, access);
    ::close(fd);
    return allowed;
  };
  return allow("/dev", Landlock::Access::kWrite) && allow("/", Landlock::Access::kRead);
}

}  // namespace

JailResult unshare_for_jail(const JailPlan& plan) {
  int flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID;
  if (plan.own_user_namespace) flags |= CLONE_NEWUSER;
  if (plan.own_network) flags |= CLONE_NEWNET;
  if (::unshare(flags) != 0) return failed(JailFailure::kNamespaces);
  if (!plan.own_user_namespace) return kDone;
  // A group may only be mapped by who cannot leave groups.
  const bool mapped = write_file("/proc/self/setgroups", "deny") &&
                      write_file("/proc/self/uid_map", plan.uid_map) &&
                      write_file("/proc/self/gid_map", plan.gid_map);
  return mapped ? kDone : failed(JailFailure::kMaps);
}

JailResult enter_jail(const JailPlan& plan) {
  ::umask(022);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return failed(JailFailure::kRoot);
  }
  constexpr const char* kRootOptions[] = {"size", "1m", "nr_inodes", "4096", "mode", "0755"};
  const int root = make_mount("tmpfs", kRootOptions, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (root < 0 || !attach(root, AT_FDCWD, "/")) return failed(JailFailure::kRoot);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (!take(plan, root, plan.steps[i])) return failed(JailFailure::kStep, static_cast<int>(i));
  }
  constexpr const char* kProcOptions[] = {"subset", "pid", "hidepid", "invisible"};
  const int proc =
      make_mount("proc", kProcOptions, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  const bool has_proc =
      proc >= 0 && ::mkdirat(root, "proc", 0555) == 0 && attach(proc, root, "proc");
  if (!has_proc) return failed(JailFailure::kProc);
  if (!set_attributes(root, MOUNT_ATTR_RDONLY, 0) || !leave_old_root(root)) {
    return failed(JailFailure::kEnter);
  }
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) {
    return failed(JailFailure::kDirectory);
  }
  ::umask(077);
  return allow_made(plan) ? kDone : failed(JailFailure::kLandlock);
}

JailResult limit_capabilities() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // the kernel knows no more
    // Who may not lower it has nothing that exec could give back: see PR_SET_NO_NEW_PRIVS.
    if (errno == EPERM) break;
    return failed(JailFailure::kCapabilities);
  }
  return kDone;
}

JailResult drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  const bool dropped = ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
                       ::syscall(SYS_capset, &header, none) == 0 &&
                       ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  return dropped ? kDone : failed(JailFailure::kCapabilities);
}

JailResult lock_jail(const JailPlan& plan) {
  if (plan.landlock >= 0 && !Landlock::enforce(plan.landlock)) {
    return failed(JailFailure::kLandlock);
  }
  sock_fprog program{};
  program.len = static_cast<unsigned short>(plan.filter.size());
  program.filter = const_cast<sock_filter*>(plan.filter.data());
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
    return failed(JailFailure::kFilter);
  }
  return kDone;
}

}  // namespace fcvm::base
