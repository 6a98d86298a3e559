// See user_namespace.hpp.
#include "plugins/net/rootless/holder/user_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <string>
#include <unistd.h>

#include "core/base/io/file.hpp"

namespace fcvm::rootless {

namespace {

bool setting_is(const std::string& file, char value) {
  const auto text = base::read_file("/proc/sys/" + file);
  return text && !text->empty() && text->front() == value;
}

/// What forbids it, as far as it can be told.
std::string remedy_for(int code) {
  if (setting_is("kernel/unprivileged_userns_clone", '0')) {
    return "sysctl kernel.unprivileged_userns_clone=1";
  }
  if (setting_is("user/max_user_namespaces", '0')) return "sysctl user.max_user_namespaces=10000";
  if (setting_is("user/max_net_namespaces", '0')) return "sysctl user.max_net_namespaces=10000";
  if (setting_is("kernel/apparmor_restrict_unprivileged_userns", '1')) {
    return "sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (code == ENOSPC) {
    return "raise the sysctls user.max_user_namespaces and user.max_net_namespaces";
  }
  return "allow user namespaces here: a container may need --security-opt seccomp=unconfined";
}

Result<void> write_to(const char* file, const std::string& text) {
  const std::string path = std::string("/proc/self/") + file;
  const base::Fd opened = FCVM_TRY(base::open_file(path, O_WRONLY));
  // One write(2): the kernel takes a map whole or not at all.
  if (::write(opened.get(), text.data(), text.size()) < 0) return fail_errno("writing " + path);
  return {};
}

}  // namespace

Result<void> enter_own_namespaces() {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    const int code = errno;
    return fail(code, std::string("making a user and a network namespace: ") + std::strerror(code),
                remedy_for(code));
  }
  // A group may only be mapped by who cannot leave groups: some files forbid a group to read them.
  FCVM_TRY(write_to("setgroups", "deny"));
  FCVM_TRY(write_to("uid_map", "0 " + uid + " 1"));
  const auto mapped = write_to("gid_map", "0 " + gid + " 1");
  if (!mapped && mapped.error().code() == EPERM) {
    return fail(EPERM, mapped.error().message(), remedy_for(EPERM));
  }
  return {};
}

}  // namespace fcvm::rootless
