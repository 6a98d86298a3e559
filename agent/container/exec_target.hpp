// How to run a command that exec asks for: whose environment, identity and limits it gets.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/container/oci_config.hpp"
#include "agent/process/process.hpp"
#include "core/wire/boot_plan.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::agent {

/// What every program of the guest itself is started with.
std::vector<std::string> guest_environment();
/// The boot plan's part of it, such as proxies.
void extend_guest_environment(std::vector<std::string> settings);

/// A running container, as exec joins it.
struct ExecContainer {
  pid_t pid = -1;
  Result<OciConfig> config = fail(ESRCH, "the container does not run");
};

/// What to start, and how it gets where it belongs, for a log of the host's.
struct ExecPlan {
  ProcessOptions options;
  std::string way;
};

/// `spec` is what the container was started with, and may be null. A container whose configuration
/// cannot be followed here is left to `podman exec`.
Result<ExecPlan> plan_exec(const wire::ExecRequest& request, const ExecContainer& container,
                           const wire::ContainerSpec* spec);

/// A later setting of a name takes the place of an earlier one; "NAME" alone removes it.
void override_environment(std::vector<std::string>& environment,
                          const std::vector<std::string>& settings);

/// As podman gives them to an exec: `chosen` says that the request names a user other than the
/// container's own.
CapabilitySets exec_capabilities(const OciConfig& config, uid_t uid, bool chosen, bool privileged);

/// The command line that leaves it to podman.
std::vector<std::string> podman_exec(const wire::ExecRequest& request,
                                     const std::string& container);

}  // namespace fcvm::agent
