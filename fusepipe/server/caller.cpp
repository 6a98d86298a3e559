// See caller.hpp.
#include "fusepipe/server/caller.hpp"

#include <array>
#include <cerrno>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fcvm::fusepipe {

namespace {

constexpr std::uint64_t bit(int capability) { return 1ULL << capability; }

struct Rights {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
};

/// Of this thread alone: libc has no word for that.
bool get_rights(Rights& rights) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  rights.effective = data[0].effective | std::uint64_t{data[1].effective} << 32;
  rights.permitted = data[0].permitted | std::uint64_t{data[1].permitted} << 32;
  return true;
}

bool set_rights(const Rights& rights) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(rights.effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(rights.permitted >> (32 * half));
  }
  return ::syscall(SYS_capset, &header, data.data()) == 0;
}

constexpr std::uint64_t kOfFiles = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) |
                                   bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | bit(CAP_FSETID) |
                                   bit(CAP_SETGID) | bit(CAP_SETUID) | bit(CAP_MKNOD) |
                                   bit(CAP_SETFCAP) | bit(CAP_LINUX_IMMUTABLE) | bit(CAP_LEASE);

bool set_groups(std::size_t count, const gid_t* groups) {
  return ::syscall(SYS_setgroups, count, groups) == 0;  // of this thread alone, too
}

}  // namespace

AsCaller::AsCaller(const Directory& directory, const Request& request) {
  if (!directory.is_root()) return;
  const auto user = directory.options().users.to_host(request.header.uid);
  const auto group = directory.options().groups.to_host(request.header.gid);
  if (!user || !group) {
    error_ = EOVERFLOW;
    return;
  }
  if (*user == 0 && *group == 0) return;
  changed_ = true;
  if (request.group) {
    const auto other = directory.options().groups.to_host(*request.group);
    has_group_ = other && set_groups(1, &*other);
  }
  ::setfsgid(*group);
  ::setfsuid(*user);
  // Leaving user 0 has taken it.
  Rights rights;
  if (*user != 0 && get_rights(rights)) {
    rights.effective |= bit(CAP_DAC_OVERRIDE) | bit(CAP_MKNOD);
    set_rights(rights);
  }
}

AsCaller::~AsCaller() {
  if (!changed_) return;
  ::setfsuid(0);  // gives all rights of files back
  ::setfsgid(0);
  if (has_group_) set_groups(0, nullptr);
}

WithoutSetIdRight::WithoutSetIdRight(bool wanted) {
  Rights rights;
  if (!wanted || !get_rights(rights)) return;
  rights.effective &= ~bit(CAP_FSETID);
  changed_ = set_rights(rights);
}

WithoutSetIdRight::~WithoutSetIdRight() {
  Rights rights;
  if (!changed_ || !get_rights(rights)) return;
  rights.effective |= bit(CAP_FSETID) & rights.permitted;
  set_rights(rights);
}

Result<void> keep_rights_of_files() {
  if (::geteuid() != 0) return {};
  Rights rights;
  if (!get_rights(rights)) return fail_errno("asking for this process's rights");
  rights.permitted &= kOfFiles;
  rights.effective = rights.permitted;
  if (!set_rights(rights)) return fail_errno("giving up rights");
  // None of the user's own groups may help a file's maker.
  if (!set_groups(0, nullptr)) return fail_errno("giving up groups");
  return {};
}

}  // namespace fcvm::fusepipe
