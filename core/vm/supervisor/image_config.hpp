// What an image's configuration tells the host. All else of it is podman's business, in the guest.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/health_plan.hpp"
#include "core/vm/model/port.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::vm {

/// What podman says of an image that names no command, when the container is given none either;
/// before a VM is started for it. `config` is JSON.
[[nodiscard]] Result<void> check_command(const std::string& config,
                                         const wire::ContainerSpec& container);

/// A wish for each port that the image exposes (EXPOSE) and `published` does not have: at any port
/// of the host. What is no port is left out, as podman does.
[[nodiscard]] std::vector<PublishedPort> exposed_ports(const std::string& config,
                                                       const std::vector<PublishedPort>& published);

/// Whether the image has a health check (HEALTHCHECK) of its own.
[[nodiscard]] bool has_health_check(const std::string& config);

/// The image's, with what the user said in place of each of its parts, and podman's defaults for
/// what nobody said. Without a command there is none.
[[nodiscard]] wire::HealthCheck health_check(const std::string& config, const HealthPlan& plan);

}  // namespace fcvm::vm
