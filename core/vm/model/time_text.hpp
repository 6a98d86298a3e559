// Points in time as text: RFC 3339 for machines, "3 minutes ago" for people, and what users type
// after --since. All times are CLOCK_REALTIME nanoseconds since 1970, in UTC when written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::vm {

[[nodiscard]] std::int64_t now_ns();

/// "2026-11-20T19:00:00.123456789+00:00"; always of the same length.
[[nodiscard]] std::string rfc3339(std::int64_t time_ns);
/// Takes any fraction and offset, also "Z"; nothing when it is no such time.
[[nodiscard]] std::optional<std::int64_t> parse_rfc3339(std::string_view text);

/// What --since and --until take: RFC 3339 (also a date alone, or without an offset: UTC), seconds
/// since 1970 with or without a fraction, or how long ago: "10m", "1h30m", "2d", "1.5h ago".
[[nodiscard]] Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now);

/// "3 minutes", in podman's words: "Less than a second", "About a minute", "2 weeks".
[[nodiscard]] std::string human_duration(std::int64_t duration_ns);

}  // namespace fcvm::vm
