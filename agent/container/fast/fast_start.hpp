// A start without podman: the container that podman made in the builder VM becomes this VM's,
// conmon and crun start it as podman would have them, and podman finds it in its database; see
// README.md.
//
// Owns what it has laid out until the container exists; before that it can be taken back, and
// podman starts the container.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/container/fast/template.hpp"
#include "agent/container/prepared_start.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::agent::fast {

/// Fails, and has changed nothing, where podman has to start the container: the error says why.
Result<std::unique_ptr<PreparedStart>> prepare_start(const wire::BootPlan& plan);

}  // namespace fcvm::agent::fast
