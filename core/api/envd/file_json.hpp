// Files and what happens to them as JSON, in the shapes of filesystem.Filesystem.
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "core/wire/files.hpp"

namespace fcvm::api::envd {

[[nodiscard]] nlohmann::json json_of(const wire::FileEntry& entry);
/// Nothing of what the protocol has no word for.
[[nodiscard]] std::optional<nlohmann::json> json_of(const wire::FileEvent& event);

}  // namespace fcvm::api::envd
