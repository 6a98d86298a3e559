// A scope of systemd's: a cgroup that the user's systemd makes for one process and delegates to the
// user, who may then make cgroups with limits below it.
#pragma once

#include <string>

#include <fcvm/result.hpp>

namespace fcvm::vm {

/// Asks the user's systemd, over the user's bus, to move this process into the scope fcvm-ID.scope.
/// Returns once it is there. The scope ends with the last process in it.
[[nodiscard]] Result<void> enter_systemd_scope(const std::string& vm_id);

}  // namespace fcvm::vm
