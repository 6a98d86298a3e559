// filesystem.Filesystem: names and directories of a sandbox, by remote procedures.
#pragma once

#include <vector>

#include "core/api/envd/file_routes.hpp"
#include "core/api/router.hpp"

namespace fcvm::api::envd {

[[nodiscard]] std::vector<Route> filesystem_routes(const FilesOf& files_of);

}  // namespace fcvm::api::envd
