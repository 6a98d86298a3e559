// What podman has and fcvm has not, or not yet: so that it is said by name, with what to use.
#pragma once

#include <string_view>

#include "core/cli/verb.hpp"

namespace fcvm::cli {

struct NotYet {
  std::string_view name;
  std::string_view instead;  // a remedy
};

/// Null for what is no verb of podman either.
[[nodiscard]] const NotYet* not_yet_verb(std::string_view typed);
/// `typed` with its dashes.
[[nodiscard]] const NotYet* not_yet_option(const Verb& verb, std::string_view typed);

}  // namespace fcvm::cli
