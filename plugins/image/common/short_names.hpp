// What registries.conf makes of a name without a registry, as podman reads it. Owns nothing.
#pragma once

#include <string>
#include <vector>

namespace fcvm::archive {

struct ShortNames {
  /// Of an alias: "docker.io/library/alpine" for "alpine"; empty where there is none.
  std::string alias;
  /// Where else to look, one after the other: unqualified-search-registries.
  std::vector<std::string> registries;
};

/// `name` is without its tag. Files that cannot be read say nothing: skopeo complains of them.
[[nodiscard]] ShortNames look_up_short_name(const std::string& name);

}  // namespace fcvm::archive
