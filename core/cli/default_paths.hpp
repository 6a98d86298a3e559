// Where data and sockets lie when no configuration says so.
#pragma once

#include <filesystem>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/load.hpp"

namespace fcvm::cli {

/// For LoadRequest::built_in. As root /var/lib/fcvm and /run/fcvm; else below XDG_DATA_HOME (or
/// ~/.local/share) and XDG_RUNTIME_DIR (or /tmp/fcvm-UID). What cannot be told is left out.
[[nodiscard]] std::vector<config::Assignment> default_paths();

/// Makes the runtime directory with mode 0700. One in /tmp that another user made first, or may
/// write to, is refused: who owns it could stand in for every supervisor.
[[nodiscard]] Result<void> prepare_runtime_directory(const std::filesystem::path& directory);

}  // namespace fcvm::cli
