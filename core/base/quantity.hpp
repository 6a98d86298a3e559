// Numbers with a unit, as users write and read them: the one grammar of lengths of time, and what
// it shares with sizes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::base {

/// Digits with at most one point among them, from the front of a text. Empty when it begins with no
/// such number, or with one that is longer than any that is meant.
[[nodiscard]] std::string_view number_at_front(std::string_view text);

/// `number`, as number_at_front() has it, times `unit`, rounded down; exact for whole numbers.
/// ERANGE when it does not fit into 63 bits.
[[nodiscard]] Result<std::uint64_t> multiply(std::string_view number, std::uint64_t unit);

/// "10s", "1h30m", "1.5d": numbers with units from ns to w; one number alone is seconds. EINVAL
/// when it is none, ERANGE beyond a century.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// In the largest unit up to hours that leaves no rest, so that parse_duration() reads the same
/// length: "90m", "1500ms", "0s".
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds length);

}  // namespace fcvm::base
