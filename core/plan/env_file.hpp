// Files of variables and labels, as --env-file and --label-file take them.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::plan {

/// "NAME=value" for each line. podman's rules: blank lines and # comments are skipped, a name
/// without a value takes the host's, if there is one.
[[nodiscard]] Result<std::vector<std::string>> read_env_file(const std::string& path);
/// Likewise, for labels: a key without a value has an empty one.
[[nodiscard]] Result<std::vector<std::string>> read_label_file(const std::string& path);

}  // namespace fcvm::plan
