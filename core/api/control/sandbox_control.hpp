// The control plane: making, finding, changing and ending sandboxes; templates; snapshots.
#pragma once

#include <string>
#include <vector>

#include "core/api/router.hpp"
#include "core/api/sandboxes/sandboxes.hpp"

namespace fcvm::api {

/// `domain` is what the hosts of sandboxes end with, "PORT-ID.DOMAIN"; empty: E2B_SANDBOX_URL says
/// where they are.
[[nodiscard]] std::vector<Route> control_routes(Sandboxes& sandboxes, const std::string& domain);
/// What clients may ask for and this server has not: 501, by name.
[[nodiscard]] std::vector<Route> missing_routes();

}  // namespace fcvm::api
