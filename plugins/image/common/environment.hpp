// Where podman's own settings are, by the environment.
#pragma once

#include <filesystem>
#include <string>

namespace fcvm::archive {

/// Of the environment; empty when it is not set.
[[nodiscard]] std::string variable(const char* name);

/// A user's: ~/.config/containers.
[[nodiscard]] std::filesystem::path user_settings();

}  // namespace fcvm::archive
