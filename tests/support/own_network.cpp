// See own_network.hpp.
#include "tests/support/own_network.hpp"

#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/base/io/fd.hpp"

namespace fcvm::test {

namespace {

Result<void> write_proc(const std::string& name, const std::string& text) {
  const base::Fd file = FCVM_TRY(base::open_file("/proc/self/" + name, O_WRONLY));
  return base::write_all(file.get(), text) | context("writing " + name);
}

Result<void> loopback_up() {
  const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return fail_errno("starting lo");
  return {};
}

}  // namespace

Result<void> enter_own_network() {
  static bool entered = false;
  if (entered) return {};
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const int flags = uid == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;
  if (::unshare(flags) != 0) return fail_errno("making a network namespace for the test");
  if (uid != 0) {
    FCVM_TRY(write_proc("setgroups", "deny"));
    FCVM_TRY(write_proc("uid_map", "0 " + std::to_string(uid) + " 1"));
    FCVM_TRY(write_proc("gid_map", "0 " + std::to_string(gid) + " 1"));
  }
  FCVM_TRY(loopback_up());
  entered = true;
  return {};
}

Result<base::Namespace> new_network() {
  auto made = FCVM_TRY(base::Namespace::new_net());
  FCVM_TRY(base::in_namespace(made, loopback_up));
  return made;
}

}  // namespace fcvm::test
