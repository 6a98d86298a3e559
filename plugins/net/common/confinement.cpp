// See confinement.hpp.
#include "plugins/net/common/confinement.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/jail/jail_filter.hpp"
#include "core/base/jail/landlock.hpp"

#if defined(__SANITIZE_ADDRESS__)
// Its check for leaks reads /proc at the end, where nothing may be opened any more.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace fcvm::net {

namespace {

constexpr uid_t kNobody = 65534;

bool has_capability(unsigned number) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return false;
  return (sets[number / 32].effective >> (number % 32) & 1U) != 0;
}

/// In a user namespace that has one user alone there is nobody else to become.
Result<void> become_nobody() {
  if (::geteuid() != 0 || !has_capability(CAP_SETUID) || !has_capability(CAP_SETGID)) return {};
  if (::setresgid(kNobody, kNobody, kNobody) != 0) {
    return errno == EINVAL ? Result<void>() : fail_errno("leaving root's group");
  }
  if (::setgroups(0, nullptr) != 0) return fail_errno("leaving root's groups");
  if (::setresuid(kNobody, kNobody, kNobody) != 0) return fail_errno("becoming nobody");
  // Which another user loses. Should the owner die in between, the control socket tells.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("dying with the owner");
  return {};
}

/// No file at all, by Landlock, where the kernel has it.
Result<void> close_files() {
  if (base::Landlock::version() == 0) return {};
  return FCVM_TRY(base::Landlock::create()).enforce();
}

void drop_bounding_set() {
  // Who may not take any out of it has none in it that could be had: no_new_privs sees to that.
  for (unsigned long number = 0; ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
    (void)::prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  }
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

}  // namespace

Result<void> give_up_privileges() {
  drop_bounding_set();
  FCVM_TRY(become_nobody());
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return fail_errno("dropping capabilities");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("forbidding new privileges");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("forbidding to be traced");
  FCVM_TRY(close_files());
  return base::take_jail_filter();
}

bool may_enter_namespaces() { return has_capability(CAP_SYS_ADMIN); }

}  // namespace fcvm::net
