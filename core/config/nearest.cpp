#include "core/config/nearest.hpp"

#include <algorithm>
#include <utility>

namespace fcvm::config {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // two rows above, for swaps
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 100;  // no name is; and the work is quadratic
  if (name.size() > kLongest) return {};
  std::string best;
  // A slip in each three letters: `--set` is not what `--sort` means.
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3);
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    // What shares no letter position is not "near", however short both are: `xy` is not `vm`.
    const bool near =
        distance <= best_distance && distance < std::max(name.size(), candidate.size());
    // Of two equally near, the one of the same length: letters are swapped more often than lost.
    const bool better = best.empty() || distance < best_distance ||
                        (candidate.size() == name.size() && best.size() != name.size());
    if (!near || !better) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string meant = nearest(name, candidates);
  return meant.empty() ? "" : "; did you mean `" + meant + "`?";
}

}  // namespace fcvm::config
