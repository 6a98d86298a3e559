// See restart_policy.hpp.
#include "core/vm/model/restart_policy.hpp"

#include <charconv>

#include <fmt/core.h>

namespace fcvm::vm {

bool RestartPolicy::wants_another(int code, std::uint64_t restarts) const {
  if (when == When::kAlways) return true;
  return when == When::kOnFailure && code != 0 && (most == 0 || restarts < most);
}

Result<RestartPolicy> parse_restart_policy(std::string_view text) {
  RestartPolicy policy;
  policy.name = text;
  if (text == "no" || text == "never") return policy;
  policy.when = RestartPolicy::When::kAlways;
  if (text == "always" || text == "unless-stopped") return policy;
  policy.when = RestartPolicy::When::kOnFailure;
  constexpr std::string_view kLimited = "on-failure:";
  if (text == "on-failure") return policy;
  if (text.starts_with(kLimited)) {
    const auto number = text.substr(kLimited.size());
    const auto* end = number.data() + number.size();
    const auto parsed = std::from_chars(number.data(), end, policy.most);
    if (!number.empty() && parsed.ec == std::errc() && parsed.ptr == end) return policy;
  }
  return fail(EINVAL, fmt::format("\"{}\" does not say when to restart", text),
              "no, on-failure, on-failure:COUNT, always or unless-stopped");
}

}  // namespace fcvm::vm
