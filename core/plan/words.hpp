#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::plan {

/// A command line as a shell would split it: what --cmd takes.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace fcvm::plan
