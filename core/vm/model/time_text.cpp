#include "core/vm/model/time_text.hpp"

#include <charconv>
#include <chrono>
#include <ctime>

#include <fmt/core.h>

#include "core/base/quantity.hpp"

namespace fcvm::vm {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
// What fits into 64 bits of nanoseconds, with room for an offset.
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads pieces of a text from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool take(char wanted) {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_digits(std::size_t count, int& value) {
    if (text_.size() < count) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(text_[i])) return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    return true;
  }
  /// The digits after a point, as nanoseconds; further ones are dropped.
  bool take_fraction(std::int64_t& nanoseconds) {
    nanoseconds = 0;
    if (text_.empty() || !is_digit(text_.front())) return false;
    for (std::int64_t unit = kSecond / 10; !text_.empty() && is_digit(text_.front()); unit /= 10) {
      nanoseconds += unit * (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return true;
  }
  [[nodiscard]] bool at_end() const { return text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }

 private:
  std::string_view text_;
};

bool take_date(Cursor& cursor, std::int64_t& time_ns) {
  int year = 0;
  int month = 0;
  int day = 0;
  const bool read = cursor.take_digits(4, year) && cursor.take('-') &&
                    cursor.take_digits(2, month) && cursor.take('-') && cursor.take_digits(2, day);
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!read || !date.ok() || year < kFirstYear || year > kLastYear) return false;
  time_ns = std::chrono::sys_days(date).time_since_epoch().count() * kDay;
  return true;
}

bool take_time(Cursor& cursor, std::int64_t& time_ns) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  std::int64_t fraction = 0;
  if (!cursor.take_digits(2, hour) || !cursor.take(':') || !cursor.take_digits(2, minute)) {
    return false;
  }
  if (cursor.take(':') && !cursor.take_digits(2, second)) return false;
  if (cursor.take('.') && !cursor.take_fraction(fraction)) return false;
  if (hour > 23 || minute > 59 || second > 60) return false;  // 60: a leap second
  time_ns += hour * kHour + minute * kMinute + second * kSecond + fraction;
  return true;
}

bool take_offset(Cursor& cursor, std::int64_t& time_ns) {
  if (cursor.take('Z') || cursor.take('z')) return true;
  const bool east = cursor.peek() == '+';
  if (!cursor.take('+') && !cursor.take('-')) return false;
  int hours = 0;
  int minutes = 0;
  if (!cursor.take_digits(2, hours) || !cursor.take(':') || !cursor.take_digits(2, minutes)) {
    return false;
  }
  if (hours > 23 || minutes > 59) return false;
  time_ns -= (east ? 1 : -1) * (hours * kHour + minutes * kMinute);
  return true;
}

enum class Offset { kRequired, kOptional };

std::optional<std::int64_t> parse_time(std::string_view text, Offset offset) {
  Cursor cursor(text);
  std::int64_t time_ns = 0;
  if (!take_date(cursor, time_ns)) return std::nullopt;
  const bool date_alone = cursor.at_end();
  if (date_alone) return offset == Offset::kOptional ? std::optional(time_ns) : std::nullopt;
  if (!cursor.take('T') && !cursor.take('t') && !cursor.take(' ')) return std::nullopt;
  if (!take_time(cursor, time_ns)) return std::nullopt;
  if (cursor.at_end() && offset == Offset::kOptional) return time_ns;
  if (!take_offset(cursor, time_ns) || !cursor.at_end()) return std::nullopt;
  return time_ns;
}

std::optional<std::int64_t> parse_age(std::string_view text) {
  if (text.ends_with(" ago")) text.remove_suffix(4);
  const auto age = base::parse_duration(text);
  return age ? std::optional(age->count()) : std::nullopt;
}

/// "1700000000" or "1700000000.25", without the rounding of a double.
std::optional<std::int64_t> parse_unix_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc() || seconds < 0 || seconds > 9'000'000'000) return std::nullopt;
  Cursor cursor(text.substr(static_cast<std::size_t>(parsed.ptr - text.data())));
  std::int64_t fraction = 0;
  if (cursor.take('.') && !cursor.take_fraction(fraction)) return std::nullopt;
  if (!cursor.at_end()) return std::nullopt;
  return seconds * kSecond + fraction;
}

}  // namespace

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

std::string rfc3339(std::int64_t time_ns) {
  std::int64_t seconds = time_ns / kSecond;
  std::int64_t fraction = time_ns % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  const auto at = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}+00:00", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     fraction);
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  return parse_time(text, Offset::kRequired);
}

Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now) {
  if (const auto time = parse_time(text, Offset::kOptional)) return *time;
  if (const auto seconds = parse_unix_seconds(text)) return *seconds;
  if (const auto age = parse_age(text)) return now - *age;
  return fail(EINVAL, fmt::format("\"{}\" is not a time", text),
              "write it as 2026-11-20T19:00:00Z, as seconds since 1970, or as how long ago: 10m");
}

std::string human_duration(std::int64_t duration_ns) {
  const std::int64_t seconds = duration_ns / kSecond;
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = (minutes + 30) / 60;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", hours / 24 / 365);
}

}  // namespace fcvm::vm
