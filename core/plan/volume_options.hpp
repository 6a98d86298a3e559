// --volume: directories of the host's that the container sees.
#pragma once

#include <vector>

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/vm/model/map_plan.hpp"

namespace fcvm::plan {

/// Each is there, and none hides another.
[[nodiscard]] Result<std::vector<vm::MapPlan>> map_plans(const config::Config& config);

/// "SOURCE:DESTINATION[:ro]" for podman in the guest, of the map of this number.
[[nodiscard]] std::string guest_volume(const vm::MapPlan& map, std::size_t number);

}  // namespace fcvm::plan
