// Images in podman's words, as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "core/image/images.hpp"

namespace fcvm::cli {

/// As `podman images --format json` has one.
[[nodiscard]] nlohmann::ordered_json image_summary(const image::Image& image);
/// As `podman image inspect` has one.
[[nodiscard]] nlohmann::ordered_json image_details(const image::Image& image);
/// As `podman history --format json` has them: the newest first.
[[nodiscard]] nlohmann::ordered_json image_history(const image::Image& image);
/// "linux/amd64", as it says.
[[nodiscard]] std::string platform_of(const image::Image& image);
/// When it was made, as it says.
[[nodiscard]] std::optional<std::int64_t> created_ns(const image::Image& image);

}  // namespace fcvm::cli
