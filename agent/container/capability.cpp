// See capability.hpp.
#include "agent/container/capability.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fcvm::agent {

std::uint64_t bounding_capabilities() {
  std::uint64_t set = 0;
  for (int number = 0; number < 64; ++number) {
    if (::prctl(PR_CAPBSET_READ, number) == 1) set |= std::uint64_t{1} << number;
  }
  return set;
}

Result<void> limit_capabilities(std::uint64_t bounding) {
  const std::uint64_t surplus = bounding_capabilities() & ~bounding;
  for (int number = 0; number < 64; ++number) {
    if ((surplus >> number & 1) != 0 && ::prctl(PR_CAPBSET_DROP, number) != 0) {
      return fail_errno("dropping a capability");
    }
  }
  return {};
}

Result<void> set_capabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(sets.effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * half));
    data[half].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, data) != 0) return fail_errno("setting capabilities");
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int number = 0; number < 64; ++number) {
    // What is not inheritable cannot be raised; crun leaves that out, too.
    if ((sets.ambient >> number & 1) != 0) {
      ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0);
    }
  }
  return {};
}

}  // namespace fcvm::agent
