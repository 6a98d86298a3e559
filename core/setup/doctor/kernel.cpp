// What the host's kernel offers, tried as it will be used.
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/setup/doctor/doctor.hpp"

namespace fcvm::setup {
namespace {

Finding look_at_device(const char* path, Verdict without, const char* module) {
  if (base::open_file(path, O_RDWR)) return {Verdict::kPass, std::string(path) + " opens"};
  const int error = errno;
  if (error == EACCES || error == EPERM) {
    return {without, std::string(path) + " may not be opened by this user",
            std::string("sudo chmod 666 ") + path};
  }
  return {without, std::string("there is no ") + path, std::string("sudo modprobe ") + module};
}

Finding look_at_tun(const Patient&) {
  return look_at_device("/dev/net/tun", Verdict::kFail, "tun");
}
Finding look_at_fuse(const Patient&) { return look_at_device("/dev/fuse", Verdict::kWarn, "fuse"); }

/// In a child, since a process cannot go back. 0, or the errno.
int try_to_unshare() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : errno);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

Finding look_at_user_namespaces(const Patient&) {
  const int error = try_to_unshare();
  if (error == 0) return {Verdict::kPass, "a user and a network namespace could be made"};
  return {Verdict::kFail, std::string("none can be made: ") + std::strerror(error),
          error == ENOSPC ? "sudo sysctl user.max_user_namespaces=15000"
                          : "sudo sysctl kernel.unprivileged_userns_clone=1 (on Ubuntu also "
                            "kernel.apparmor_restrict_unprivileged_userns=0)"};
}

Finding look_at_userfaultfd(const Patient&) {
  const Fd plain(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
  if (plain.valid()) return {Verdict::kPass, "the system call works"};
  if (base::open_file("/dev/userfaultfd", O_RDWR)) {
    return {Verdict::kPass, "/dev/userfaultfd opens"};
  }
  const auto sysctl = base::read_file("/proc/sys/vm/unprivileged_userfaultfd");
  if (!sysctl) return {Verdict::kWarn, "this kernel has none", "restore by file instead"};
  return {Verdict::kWarn, "not for this user (vm.unprivileged_userfaultfd is 0)",
          "sudo sysctl vm.unprivileged_userfaultfd=1, or give the user /dev/userfaultfd"};
}

Finding look_at_cgroups(const Patient&) {
  struct statfs mounted {};
  if (::statfs("/sys/fs/cgroup", &mounted) == 0 && mounted.f_type == CGROUP2_SUPER_MAGIC) {
    return {Verdict::kPass, "cgroup2 is mounted on /sys/fs/cgroup"};
  }
  return {Verdict::kWarn, "cgroup2 is not mounted on /sys/fs/cgroup",
          "boot with systemd.unified_cgroup_hierarchy=1"};
}

}  // namespace

std::vector<Check> kernel_checks() {
  return {
      {"tun", "connects a VM to its network", false, look_at_tun},
      {"user-namespaces", "hold the network of VMs without root", false, look_at_user_namespaces},
      {"userfaultfd", "lets clones share a page server", false, look_at_userfaultfd},
      {"fuse", "mounts directories of VMs on the host", false, look_at_fuse},
      {"cgroup2", "limits and accounts for VMs", false, look_at_cgroups},
  };
}

}  // namespace fcvm::setup
