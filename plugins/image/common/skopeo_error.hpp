// What skopeo's complaints mean to a user. Owns nothing.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "plugins/image/common/reference.hpp"

namespace fcvm::archive {

/// `log` is its standard error, `ended` how it ended: said when it left no word. `plugin` is whose
/// options a remedy names.
Error explain(std::string_view log, const std::string& ended, const Reference& reference,
              const std::string& plugin);

}  // namespace fcvm::archive
