// Whether a container that has ended is started again, in podman's words: `--restart`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::vm {

struct RestartPolicy {
  enum class When : std::uint8_t { kNever, kOnFailure, kAlways };

  When when = When::kNever;
  std::uint32_t most = 0;   // of kOnFailure: how often; 0: without end
  std::string name = "no";  // as it was written

  /// Of one that ended by itself with this code, after so many restarts.
  [[nodiscard]] bool wants_another(int code, std::uint64_t restarts) const;
};

/// "no", "on-failure", "on-failure:3", "always" or "unless-stopped", which is the same: a VM that
/// was stopped is never started but by a command.
[[nodiscard]] Result<RestartPolicy> parse_restart_policy(std::string_view text);

}  // namespace fcvm::vm
