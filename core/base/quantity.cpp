// See quantity.hpp.
#include "core/base/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace fcvm::base {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  std::int64_t length;  // in nanoseconds
};
constexpr std::int64_t kSecond = 1'000'000'000;
// "ms" before "m": the longest name that fits is meant.
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", kSecond},
                                      {"m", 60 * kSecond},
                                      {"h", 3600 * kSecond},
                                      {"d", 24 * 3600 * kSecond},
                                      {"w", 7 * 24 * 3600 * kSecond}}};
constexpr std::int64_t kLongestShown = 3600 * kSecond;
constexpr std::uint64_t kCentury = 100ULL * 365 * 24 * 3600 * kSecond;  // no sum can overflow

// Takes the unit at the front of `text`: "ms" of "ms", "m" of "m30s".
const Unit* take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

Unexpected no_duration(std::string_view text) {
  return fail(EINVAL, "`" + std::string(text) + "` is not a duration");
}

}  // namespace

std::string_view number_at_front(std::string_view text) {
  const auto number = text.substr(0, std::min(text.find_first_not_of("0123456789."), text.size()));
  const bool fraction = number.find('.') != std::string_view::npos;
  const bool well_formed = !number.empty() && number.front() != '.' && number.back() != '.' &&
                           number.find('.') == number.rfind('.');
  return well_formed && number.size() <= (fraction ? 40U : 20U) ? number : std::string_view();
}

Result<std::uint64_t> multiply(std::string_view number, std::uint64_t unit) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  const char* const end = number.data() + number.size();
  const auto too_large = [&] { return fail(ERANGE, "`" + std::string(number) + "` is too large"); };
  if (number.find('.') != std::string_view::npos) {
    double value = 0;
    const auto parsed = std::from_chars(number.data(), end, value);
    value *= static_cast<double>(unit);
    if (parsed.ec != std::errc() || !(value < static_cast<double>(kMost))) return too_large();
    return static_cast<std::uint64_t>(value);
  }
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(number.data(), end, value);
  if (parsed.ec != std::errc() || value > kMost / unit) return too_large();
  return value * unit;
}

Result<nanoseconds> parse_duration(std::string_view text) {
  std::uint64_t total = 0;
  std::string_view rest = text;
  do {
    const auto number = number_at_front(rest);
    if (number.empty()) return no_duration(text);
    const bool alone = number.size() == text.size();
    rest.remove_prefix(number.size());
    const Unit* unit = take_unit(rest);
    if (unit == nullptr && !alone) return no_duration(text);
    const auto part = multiply(number, static_cast<std::uint64_t>(alone ? kSecond : unit->length));
    if (!part || *part > kCentury || total + *part > kCentury) {
      return fail(ERANGE, "`" + std::string(text) + "` is too long");
    }
    total += *part;
  } while (!rest.empty());
  return nanoseconds(static_cast<std::int64_t>(total));
}

std::string duration_text(nanoseconds length) {
  if (length.count() == 0) return "0s";
  const Unit* largest = &kUnits.front();
  for (const Unit& unit : kUnits) {
    if (unit.length <= kLongestShown && length.count() % unit.length == 0) largest = &unit;
  }
  return std::to_string(length.count() / largest->length) + std::string(largest->name);
}

}  // namespace fcvm::base
