// filesystem.Filesystem: names and directories of a sandbox, by remote procedures.
#pragma once

#include <functional>
#include <vector>

#include "core/api/envd/file_routes.hpp"
#include "core/api/router.hpp"

namespace fcvm::api::envd {

/// `is_ending`: whether the server is about to end, which ends the streams of events.
[[nodiscard]] std::vector<Route> filesystem_routes(const FilesOf& files_of,
                                                   const std::function<bool()>& is_ending);

}  // namespace fcvm::api::envd
