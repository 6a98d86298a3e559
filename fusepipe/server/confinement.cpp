// See confinement.hpp.
#include "fusepipe/server/confinement.hpp"

#include <cerrno>
#include <sys/prctl.h>

#include "core/base/jail/jail_filter.hpp"
#include "core/base/jail/landlock.hpp"
#include "fusepipe/server/caller.hpp"

namespace fcvm::fusepipe {

namespace {

Result<void> keep_to_directory(const Directory& directory) {
  auto landlock = base::Landlock::create();
  if (!landlock) {
    const int code = landlock.error().code();
    if (code == ENOSYS || code == EOPNOTSUPP) return {};
    return unexpected(std::move(landlock).error());
  }
  const auto access = directory.options().read_only ? base::Landlock::Access::kRead
                                                    : base::Landlock::Access::kWrite;
  FCVM_TRY(landlock->allow(directory.root_fd(), access));
  return landlock->enforce();
}

}  // namespace

Result<void> confine(const Directory& directory) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("forbidding new privileges");
  FCVM_TRY(keep_to_directory(directory));
  FCVM_TRY(keep_rights_of_files());
  return base::take_jail_filter();
}

}  // namespace fcvm::fusepipe
