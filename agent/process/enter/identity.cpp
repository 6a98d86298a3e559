// See identity.hpp.
#include "agent/process/enter/identity.hpp"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "agent/process/enter/system_call.hpp"

namespace fcvm::agent::enter {
namespace {

void need(Step step, long result) {
  if (result < 0) give_up(step, -result);
}

long control(int option, unsigned long value = 0, unsigned long more = 0) {
  return system_call(__NR_prctl, option, static_cast<long>(value), static_cast<long>(more));
}

void load_filter(const Packet& packet) {
  const Request& request = *packet.request;
  if (request.filter == 0) return;
  sock_fprog program{static_cast<unsigned short>(request.filter),
                     const_cast<sock_filter*>(packet.filter)};
  need(Step::kSeccomp, system_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
                                   static_cast<long>(request.filter_flags), address(&program)));
}

void limit_capabilities(std::uint64_t bounding) {
  for (unsigned long number = 0; number < 64; ++number) {
    const long there = control(PR_CAPBSET_READ, number);
    if (there < 0) return;  // the kernel knows no more of them
    if (there == 1 && (bounding >> number & 1) == 0) {
      need(Step::kCredentials, control(PR_CAPBSET_DROP, number));
    }
  }
}

void take_ids(const Packet& packet) {
  if (system_call(__NR_geteuid) != 0) return;  // a test that is not root stays who it is
  const Request& request = *packet.request;
  // Else the kernel clears the sets that set_capabilities() is to choose from.
  if ((request.flags & kCapabilitiesGiven) != 0) control(PR_SET_KEEPCAPS, 1);
  need(Step::kCredentials, system_call(__NR_setgroups, request.groups, address(packet.groups)));
  need(Step::kCredentials, system_call(__NR_setresgid, request.gid, request.gid, request.gid));
  need(Step::kCredentials, system_call(__NR_setresuid, request.uid, request.uid, request.uid));
  // A change of identity sets it to what fs.suid_dumpable says.
  control(PR_SET_DUMPABLE, 0);
}

void set_capabilities(const Request& request) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(request.effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(request.permitted >> (32 * half));
    data[half].inheritable = static_cast<std::uint32_t>(request.inheritable >> (32 * half));
  }
  need(Step::kCredentials, system_call(__NR_capset, address(&header), address(&data[0])));
  control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  for (unsigned long number = 0; number < 64; ++number) {
    if ((request.ambient >> number & 1) == 0) continue;
    // What is not inheritable cannot be raised; crun leaves that out, too.
    control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number);
  }
}

}  // namespace

void set_limits(const Packet& packet) {
  for (std::uint32_t i = 0; i < packet.request->limits; ++i) {
    const Limit& limit = packet.limits[i];
    const std::uint64_t values[2] = {limit.soft, limit.hard};
    need(Step::kLimits,
         system_call(__NR_prlimit64, 0, static_cast<long>(limit.resource), address(&values[0])));
  }
}

// In crun's order: a filter needs CAP_SYS_ADMIN or no_new_privs, whichever there is.
void take_identity(const Packet& packet) {
  const Request& request = *packet.request;
  if ((request.flags & kCredentialsGiven) == 0) return load_filter(packet);
  const bool confined = (request.flags & kNoNewPrivileges) != 0;
  const bool chosen = (request.flags & kCapabilitiesGiven) != 0;
  if (!confined) load_filter(packet);
  if (chosen) limit_capabilities(request.bounding);
  take_ids(packet);
  if (chosen) set_capabilities(request);
  system_call(__NR_umask, request.umask);
  if (!confined) return;
  need(Step::kCredentials, control(PR_SET_NO_NEW_PRIVS, 1));
  load_filter(packet);
}

}  // namespace fcvm::agent::enter
