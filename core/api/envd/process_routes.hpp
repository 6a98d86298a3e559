// process.Process: commands in a sandbox, as E2B's clients ask for them.
#pragma once

#include <vector>

#include "core/api/envd/processes.hpp"
#include "core/api/router.hpp"

namespace fcvm::api {

[[nodiscard]] std::vector<Route> process_routes(Processes& processes);

}  // namespace fcvm::api
