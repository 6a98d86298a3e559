// See jail_filter.hpp.
#include "core/base/jail/jail_filter.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <span>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fcvm::base {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

constexpr std::uint32_t kNewNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID |
                                         CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

constexpr long kOfNamespaces[] = {
    SYS_unshare, SYS_setns,     SYS_mount,         SYS_umount2, SYS_pivot_root,
    SYS_chroot,  SYS_open_tree, SYS_move_mount,    SYS_fsopen,  SYS_fsconfig,
    SYS_fsmount, SYS_fspick,    SYS_mount_setattr,
};

constexpr long kOfTheMachine[] = {
    SYS_swapon,        SYS_swapoff,       SYS_reboot,
    SYS_kexec_load,    SYS_init_module,   SYS_finit_module,
    SYS_delete_module, SYS_bpf,           SYS_perf_event_open,
    SYS_add_key,       SYS_request_key,   SYS_keyctl,
    SYS_acct,          SYS_quotactl,      SYS_syslog,
    SYS_settimeofday,  SYS_clock_settime, SYS_sethostname,
    SYS_setdomainname, SYS_vhangup,       SYS_open_by_handle_at,
#if defined(__x86_64__)
    SYS_iopl,          SYS_ioperm,        SYS_kexec_file_load,
#endif
};

class Builder {
 public:
  std::vector<sock_filter> of_jail() {
    begin();
    // Its flags are out of a filter's reach; callers then use clone.
    when(BPF_JEQ, SYS_clone3, error(ENOSYS));
    forbid(kOfNamespaces);
    forbid(kOfTheMachine);
    // Flags are the first argument on both architectures, and in its lower half.
    filter_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
    load(offsetof(seccomp_data, args));
    when(BPF_JSET, kNewNamespaces, error(EPERM));
    answer(SECCOMP_RET_ALLOW);
    return std::move(filter_);
  }

  std::vector<sock_filter> of_supervisor() {
    begin();
    forbid(kOfTheMachine);
    answer(SECCOMP_RET_ALLOW);
    return std::move(filter_);
  }

 private:
  void begin() {
    load(offsetof(seccomp_data, arch));
    unless(BPF_JEQ, kArchitecture, SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    // The numbers of x32, under which every call exists once more.
    when(BPF_JGE, 0x40000000, error(ENOSYS));
#endif
  }
  void forbid(std::span<const long> calls) {
    for (const long number : calls) {
      when(BPF_JEQ, static_cast<std::uint32_t>(number), error(EPERM));
    }
  }
  static constexpr std::uint32_t error(int code) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(code);
  }
  void load(std::size_t offset) {
    filter_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  }
  void answer(std::uint32_t value) { filter_.push_back(BPF_STMT(BPF_RET | BPF_K, value)); }
  void when(unsigned test, std::uint32_t value, std::uint32_t then) {
    filter_.push_back(BPF_JUMP(BPF_JMP | BPF_K | static_cast<std::uint16_t>(test), value, 0, 1));
    answer(then);
  }
  void unless(unsigned test, std::uint32_t value, std::uint32_t then) {
    filter_.push_back(BPF_JUMP(BPF_JMP | BPF_K | static_cast<std::uint16_t>(test), value, 1, 0));
    answer(then);
  }

  std::vector<sock_filter> filter_;
};

}  // namespace

const std::vector<sock_filter>& jail_filter() {
  static const std::vector<sock_filter> filter = Builder().of_jail();
  return filter;
}

namespace {

Result<void> install(std::vector<sock_filter> filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("forbidding new privileges");
  // Threads that cannot follow make it fail as a whole, with the number of one.
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
    return fail_errno("installing a seccomp filter");
  }
  return {};
}

}  // namespace

Result<void> leave_the_machine_alone() { return install(Builder().of_supervisor()); }

Result<void> take_jail_filter() { return install(jail_filter()); }

}  // namespace fcvm::base
