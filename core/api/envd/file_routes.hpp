// GET and POST /files: whole files out of a sandbox and into it, of any size, by a token or a
// signed URL.
#pragma once

#include <functional>
#include <vector>

#include "core/api/router.hpp"
#include "core/vm/client/guest_files.hpp"

namespace fcvm::api::envd {

/// The files of the call's sandbox, as the user whom it wants to be.
using FilesOf = std::function<vm::GuestFiles(const Call& call)>;

[[nodiscard]] std::vector<Route> file_routes(const FilesOf& files_of);

}  // namespace fcvm::api::envd
