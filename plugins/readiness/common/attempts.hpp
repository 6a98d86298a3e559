// What gates that ask again and again have in common: the pace, and the error that tells what was
// seen last.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

namespace fcvm::readiness {

/// What one attempt saw instead of what it waits for: "HTTP 503"; nothing when it passed. An error
/// ends the wait, unless it is one that time may heal.
using Seen = std::optional<std::string>;
using Attempt = std::function<Result<Seen>()>;

/// Until an attempt passes. The errors of the deadline and of a cancel say `what` was waited for,
/// and what the last attempt saw.
[[nodiscard]] Result<void> attempt_until_passed(const Call& call, std::chrono::nanoseconds interval,
                                                const std::string& what, const Attempt& attempt);

/// EINVAL for a pace that would be none.
[[nodiscard]] Result<void> check_pace(std::chrono::nanoseconds interval,
                                      std::chrono::nanoseconds timeout);

}  // namespace fcvm::readiness
