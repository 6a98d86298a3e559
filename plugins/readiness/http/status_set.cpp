// See status_set.hpp.
#include "plugins/readiness/http/status_set.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

namespace fcvm::readiness {
namespace {

/// "204" is from 204 to 204, "2xx" from 200 to 299.
std::optional<std::pair<int, int>> statuses_of(std::string_view word) {
  if (word.size() != 3 || word[0] < '1' || word[0] > '5') return std::nullopt;
  const int hundreds = (word[0] - '0') * 100;
  if (word.substr(1) == "xx") return std::pair(hundreds, hundreds + 99);
  const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  if (!is_digit(word[1]) || !is_digit(word[2])) return std::nullopt;
  const int status = hundreds + (word[1] - '0') * 10 + (word[2] - '0');
  return std::pair(status, status);
}

}  // namespace

Result<StatusSet> StatusSet::parse(std::string_view text) {
  StatusSet set;
  for (std::string_view rest = text; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    const auto dash = word.find('-');
    const auto from = statuses_of(word.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : statuses_of(word.substr(dash + 1));
    if (!from || !to || to->second < from->first) {
      return fail(EINVAL,
                  "status: \"" + std::string(word) + "\" is no HTTP status or range of them",
                  "status=200, status=2xx or status=200-399");
    }
    set.ranges_.emplace_back(from->first, to->second);
  }
  if (set.ranges_.empty()) return fail(EINVAL, "status: it is empty", "status=200-399");
  return set;
}

bool StatusSet::has(int status) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& range) {
    return status >= range.first && status <= range.second;
  });
}

}  // namespace fcvm::readiness
