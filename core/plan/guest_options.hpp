// Options of a container that podman in the guest honours, as podman's users write them.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/vm/model/restart_policy.hpp"

namespace fcvm::plan {

/// For `podman run` in the guest. Judged here as far as it can be: who mistyped a word should not
/// wait for a guest to boot.
[[nodiscard]] Result<std::vector<std::string>> guest_options(const config::Config& config);

/// Of --restart. EINVAL for one that --rm contradicts.
[[nodiscard]] Result<vm::RestartPolicy> restart_policy(const config::Config& config);

/// Of --sysctl, once guest_options() found it right: what is set in the guest before the container
/// is there, since its kernel is the container's alone.
[[nodiscard]] std::vector<std::string> guest_sysctls(const config::Config& config);

}  // namespace fcvm::plan
