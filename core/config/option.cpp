// See option.hpp.
#include "core/config/option.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "core/base/quantity.hpp"
#include "core/config/nearest.hpp"

namespace fcvm::config {

namespace {

struct TypeWords {
  std::string_view name;
  std::string_view description;
};

constexpr std::array<TypeWords, 7> kTypeWords{{
    {"text", "a text"},
    {"boolean", "`true` or `false`"},
    {"integer", "a whole number"},
    {"size", "a size such as `512M` or `2G`"},
    {"duration", "a duration such as `10s`, `500ms` or `2m`"},
    {"list", "a list of texts"},
    {"map", "KEY=VALUE"},
}};

// --- from what a user wrote to a typed value ---

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
  const auto number = base::number_at_front(text);
  const auto unit = number.empty() ? std::nullopt : size_unit(text.substr(number.size()), bare);
  if (!unit) return expected(describe(Type::kSize), text);
  const auto bytes = base::multiply(number, *unit);
  if (!bytes) return fail(ERANGE, "`" + std::string(text) + "` is too large");
  return Size{*bytes};
}

Result<Duration> parse_duration(std::string_view text) {
  const auto length = base::parse_duration(text);
  if (!length && length.error().code() == ERANGE) return unexpected(length.error());
  const auto shown = length ? std::chrono::floor<Duration>(*length) : Duration();
  // What is nothing in our unit must not become "no time at all".
  if (!length || (shown.count() == 0 && length->count() != 0)) {
    return expected(describe(Type::kDuration), text);
  }
  return shown;
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

// --- and back ---

std::string join(const List& items, char separator) {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += separator;
    out += item;
  }
  return out;
}

}  // namespace

std::string_view describe(Type type) {
  return kTypeWords.at(static_cast<std::size_t>(type)).description;
}

std::string_view to_string(Type type) { return kTypeWords.at(static_cast<std::size_t>(type)).name; }

Option Option::as(std::string_view called) const {
  Option same = *this;
  if (!in_bytes.empty() && called == in_bytes) same.unit = 1;
  return same;
}

const Option* OptionTable::find(std::string_view name) const {
  const auto matches = [name](const Option& option) {
    return option.name == name ||
           std::find(option.aliases.begin(), option.aliases.end(), name) != option.aliases.end();
  };
  const auto found = std::find_if(options.begin(), options.end(), matches);
  return found == options.end() ? nullptr : &*found;
}

std::vector<std::string> OptionTable::names() const {
  std::vector<std::string> all;
  for (const Option& option : options) {
    all.push_back(option.name);
    all.insert(all.end(), option.aliases.begin(), option.aliases.end());
  }
  return all;
}

Value zero(Type type) {
  switch (type) {
    case Type::kText:
      return std::string();
    case Type::kBoolean:
      return false;
    case Type::kInteger:
      return std::int64_t{0};
    case Type::kSize:
      return Size{};
    case Type::kDuration:
      return Duration::zero();
    case Type::kList:
      return List();
    case Type::kMap:
      return Map();
  }
  return std::string();
}

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

std::string to_text(Size size) {
  constexpr std::string_view kPrefixes = "TGMK";
  for (std::size_t i = 0; i < kPrefixes.size(); ++i) {
    const std::uint64_t unit = kKiB << (10 * (kPrefixes.size() - 1 - i));
    if (size.bytes >= unit && size.bytes % unit == 0) {
      return std::to_string(size.bytes / unit) + kPrefixes[i];
    }
  }
  return std::to_string(size.bytes) + "B";  // a bare number would be in the option's own unit
}

std::string to_text(Duration duration) { return base::duration_text(duration); }

std::string to_text(const Option& option, const Value& value) {
  return std::visit(
      [&option](const auto& typed) -> std::string {
        using T = std::decay_t<decltype(typed)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return typed;
        } else if constexpr (std::is_same_v<T, bool>) {
          return typed ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return std::to_string(typed);
        } else if constexpr (std::is_same_v<T, List>) {
          return join(typed, option.separator);
        } else if constexpr (std::is_same_v<T, Map>) {
          List pairs;
          for (const auto& [key, text] : typed) pairs.push_back(key + "=" + text);
          return join(pairs, option.separator);
        } else {
          return to_text(typed);
        }
      },
      value);
}

}  // namespace fcvm::config
