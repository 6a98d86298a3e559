// "did you mean": the known name closest to a mistyped one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fcvm::config {

/// Insertions, deletions, replacements and swaps of neighbours that make one from the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The closest candidate, or empty when none is close enough to be what was meant.
[[nodiscard]] std::string nearest(std::string_view name,
                                  const std::vector<std::string>& candidates);

/// "; did you mean `cpus`?", or empty.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       const std::vector<std::string>& candidates);

}  // namespace fcvm::config
