// What `fcvm config show` and `fcvm config sample` print.
#pragma once

#include <string>
#include <vector>

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

/// The commented sample of etc/: every option with its help and default: text after "# ", settings
/// after a bare "#", so that removing the # of a setting enables it.
[[nodiscard]] std::string sample(const std::vector<OptionTable>& tables);

}  // namespace fcvm::config
