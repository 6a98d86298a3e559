// What `fcvm config show` prints.
#pragma once

#include <string>

#include "core/config/config.hpp"

namespace fcvm::config {

struct ShowOptions {
  bool origin = false;
  bool json = false;
};

/// As TOML that can be read back (options which are not set are comments), or as JSON: an object
/// per section of plain values, or with `origin` of {"value", "origin"} objects. Secrets are
/// ********.
[[nodiscard]] std::string render_show(const Config& config, ShowOptions options = {});

}  // namespace fcvm::config
