// Text of unknown origin, made safe for a terminal and a log: a guest or a program may have written
// it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fcvm::base {

/// Length of the UTF-8 character at the front of `text`; 0 when there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

enum class Newlines {
  kEscaped,   // "\x0a", as any other control character
  kKept,      // and a carriage return before one is dropped; for text that stands alone
  kIndented,  // kept, and the next line begins with a space: it looks like no record of its own
};

/// Writes as \x1b each byte of what moves a cursor, changes the direction of text or is not UTF-8:
/// the control characters of ASCII, those of Latin-1 (U+0080 to U+009F, which terminals obey as
/// well), and the marks by which text runs from right to left.
[[nodiscard]] std::string printable(std::string_view text, Newlines newlines = Newlines::kEscaped);

/// The same for a text of JSON, whose value stays what it is: "\u009b".
[[nodiscard]] std::string printable_json(std::string_view json);

}  // namespace fcvm::base
