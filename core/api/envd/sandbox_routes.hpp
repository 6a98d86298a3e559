// What a sandbox tells of itself on the data plane: /health, /metrics, /envs.
#pragma once

#include <vector>

#include "core/api/router.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::api {

[[nodiscard]] std::vector<Route> sandbox_routes(const vm::Store& store);

}  // namespace fcvm::api
