// From what a user wrote to a typed value.

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/config/nearest.hpp"
#include "core/config/option.hpp"

namespace fcvm::config {

namespace {

Unexpected expected(std::string_view what, std::string_view text) {
  return fail(EINVAL, "expected " + std::string(what) + ", got `" + std::string(text) + "`");
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Result<bool> parse_boolean(std::string_view text) {
  const std::string word = lower(text);
  for (std::string_view yes : {"true", "yes", "on", "1"}) {
    if (word == yes) return true;
  }
  for (std::string_view no : {"false", "no", "off", "0"}) {
    if (word == no) return false;
  }
  return expected(describe(Type::kBoolean), text);
}

Result<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc() && end == text.data() + text.size()) return number;
  return expected(describe(Type::kInteger), text);
}

/// Digits with at most one point, and the unit that follows them.
struct Quantity {
  std::string_view digits;
  std::string_view unit;
};

std::optional<Quantity> split_quantity(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view digits = text.substr(0, end);
  const bool fraction = digits.find('.') != std::string_view::npos;
  const bool well_formed = !digits.empty() && digits.front() != '.' && digits.back() != '.' &&
                           digits.find('.') == digits.rfind('.');
  if (!well_formed || digits.size() > (fraction ? 40U : 20U)) return std::nullopt;
  return Quantity{digits, text.substr(end)};
}

/// digits * unit, rounded down; empty when it does not fit. Whole numbers are exact.
std::optional<std::uint64_t> multiply(std::string_view digits, std::uint64_t unit) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (digits.find('.') != std::string_view::npos) {
    double number = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    number *= static_cast<double>(unit);
    if (parsed.ec != std::errc() || !(number < static_cast<double>(kMost))) return std::nullopt;
    return static_cast<std::uint64_t>(number);
  }
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc() || number > kMost / unit) return std::nullopt;
  return number * unit;
}

/// K, KB and KiB are the same, as they are to podman.
std::optional<std::uint64_t> size_unit(std::string_view suffix, std::uint64_t bare) {
  if (suffix.empty()) return bare;
  const std::string unit = lower(suffix);
  if (unit == "b") return 1;
  const std::string rest = unit.substr(1);
  const std::size_t power = std::string_view("kmgt").find(unit.front());
  if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) {
    return std::nullopt;
  }
  return kKiB << (10 * power);
}

Result<Size> parse_size(std::string_view text, std::uint64_t bare) {
  const auto quantity = split_quantity(text);
  const auto unit = quantity ? size_unit(quantity->unit, bare) : std::nullopt;
  if (!unit) return expected(describe(Type::kSize), text);
  const auto bytes = multiply(quantity->digits, *unit);
  if (!bytes) return fail(ERANGE, "`" + std::string(text) + "` is too large");
  return Size{*bytes};
}

/// Takes the unit at the front of `text`: "ms" of "ms", "m" of "m30s". A bare number is in seconds.
std::optional<std::uint64_t> take_time_unit(std::string_view& text) {
  if (text.empty()) return 1000;
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kUnits{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  for (const auto& [name, milliseconds] : kUnits) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return milliseconds;
  }
  return std::nullopt;
}

Result<Duration> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMost = 100ULL * 365 * 86'400'000;  // a century: no sum can overflow
  std::uint64_t total = 0;
  std::string_view rest = text;
  do {
    const bool first = rest.size() == text.size();
    const auto quantity = split_quantity(rest);
    if (!quantity || (!first && quantity->unit.empty())) {
      return expected(describe(Type::kDuration), text);
    }
    rest = quantity->unit;
    const auto unit = take_time_unit(rest);
    if (!unit) return expected(describe(Type::kDuration), text);
    const auto part = multiply(quantity->digits, *unit);
    if (!part || *part > kMost || total + *part > kMost) {
      return fail(ERANGE, "`" + std::string(text) + "` is too long");
    }
    total += *part;
  } while (!rest.empty());
  return Duration(static_cast<Duration::rep>(total));
}

Result<Map> parse_pair(const Option& option, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || text.empty()) return expected(describe(Type::kMap), text);
  if (equals != std::string_view::npos) {
    return Map{{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))}};
  }
  const std::string key(text);
  if (option.bare_key == BareKey::kRefused) return expected(describe(Type::kMap), text);
  if (option.bare_key == BareKey::kEmpty) return Map{{key, ""}};
  const char* value = ::secure_getenv(key.c_str());
  return value == nullptr ? Map{} : Map{{key, value}};
}

Result<Value> parse_typed(const Option& option, std::string_view text) {
  switch (option.type) {
    case Type::kText:
      return Value(std::string(text));
    case Type::kBoolean:
      return Value(FCVM_TRY(parse_boolean(text)));
    case Type::kInteger:
      return Value(FCVM_TRY(parse_integer(text)));
    case Type::kSize:
      return Value(FCVM_TRY(parse_size(text, option.unit)));
    case Type::kDuration:
      return Value(FCVM_TRY(parse_duration(text)));
    case Type::kList:
      return Value(List{std::string(text)});
    case Type::kMap:
      return Value(FCVM_TRY(parse_pair(option, text)));
  }
  return fail(EINVAL, "an option of no known type");
}

Result<void> check_choice(const Option& option, const std::string& text) {
  const auto& choices = option.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) {
    return {};
  }
  std::string names;
  for (const std::string& choice : choices) names += (names.empty() ? "`" : ", `") + choice + "`";
  return fail(EINVAL, (choices.size() > 1 ? "expected one of " : "expected ") + names + ", got `" +
                          text + "`" + did_you_mean(text, choices));
}

Result<void> check_range(const Option& option, std::int64_t number) {
  if (!option.range || (number >= option.range->min && number <= option.range->max)) return {};
  const auto show = [&](std::int64_t bound) {
    return option.type == Type::kSize ? to_text(Size{static_cast<std::uint64_t>(bound)})
                                      : std::to_string(bound);
  };
  const bool open = option.range->max == std::numeric_limits<std::int64_t>::max();
  const std::string bounds =
      open ? "at least " + show(option.range->min)
           : "between " + show(option.range->min) + " and " + show(option.range->max);
  return fail(ERANGE, "expected " + bounds + ", got `" + show(number) + "`");
}

std::vector<std::string> split(const Option& option, std::string_view text) {
  std::vector<std::string> items;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(option.separator, start), text.size());
    if (end > start) items.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return items;
}

}  // namespace

Result<void> check_limits(const Option& option, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return check_choice(option, *text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return check_range(option, *number);
  if (const auto* size = std::get_if<Size>(&value)) {
    return check_range(option, static_cast<std::int64_t>(size->bytes));
  }
  if (const auto* items = std::get_if<List>(&value)) {
    for (const std::string& item : *items) FCVM_TRY(check_choice(option, item));
  }
  return {};
}

Result<Value> parse(const Option& option, std::string_view text) {
  Result<Value> value = parse_typed(option, text);
  Result<void> limits = value ? check_limits(option, *value) : Result<void>();
  if (value && limits) return value;
  if (option.secret) {  // the usual message would show it
    return fail(EINVAL, "expected " + std::string(describe(option.type)));
  }
  return value ? Result<Value>(unexpected(std::move(limits).error())) : std::move(value);
}

Result<Value> parse(const Option& option, const std::vector<std::string>& texts) {
  Value result = zero(option.type);
  for (const std::string& text : texts) {
    Value next = FCVM_TRY(parse(option, text));
    if (auto* list = std::get_if<List>(&result)) {
      list->push_back(std::move(std::get<List>(next).front()));
    } else if (auto* map = std::get_if<Map>(&result)) {
      for (auto& [key, value] : std::get<Map>(next)) (*map)[key] = std::move(value);
    } else {
      result = std::move(next);
    }
  }
  return result;
}

Result<Value> parse_separated(const Option& option, std::string_view text) {
  const bool many = option.type == Type::kList || option.type == Type::kMap;
  return many ? parse(option, split(option, text)) : parse(option, text);
}

}  // namespace fcvm::config
