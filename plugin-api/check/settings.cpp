// Owns the reading of option values and the memory behind an fcvm_settings.
#include "plugin-api/check/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

#include <fcvm/sdk/sized.hpp>

#include "plugin-api/check/case.hpp"

namespace fcvm::check {
namespace {

struct Unit {
  const char* suffix;
  std::int64_t factor;
};

std::optional<std::int64_t> number_with_unit(const std::string& text,
                                             const std::vector<Unit>& units) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || rest == text.data()) return std::nullopt;
  for (const Unit& unit : units) {
    std::int64_t scaled = 0;
    if (std::string(rest, end) != unit.suffix) continue;
    if (__builtin_mul_overflow(number, unit.factor, &scaled)) return std::nullopt;
    return scaled;
  }
  return std::nullopt;
}

/// ["a", "b"] as in TOML.
std::optional<std::vector<std::string>> list_items(const std::string& text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  std::vector<std::string> items;
  std::size_t at = 1;
  while ((at = text.find('"', at)) != std::string::npos) {
    const auto end = text.find('"', at + 1);
    if (end == std::string::npos) return std::nullopt;
    items.push_back(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return items;
}

std::optional<std::int64_t> parse_number(std::uint32_t type, const std::string& text) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  switch (type) {
    case FCVM_OPTION_BOOLEAN:
      if (text != "true" && text != "false") return std::nullopt;
      return text == "true" ? 1 : 0;
    case FCVM_OPTION_INTEGER:
      return number_with_unit(text, {{"", 1}});
    case FCVM_OPTION_SIZE:
      return number_with_unit(text, {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}});
    case FCVM_OPTION_DURATION:
      return number_with_unit(
          text, {{"", kSecond}, {"ms", kSecond / 1000}, {"s", kSecond}, {"m", 60 * kSecond}});
    default:
      return std::nullopt;
  }
}

/// A value that a host would let pass; whether the plugin likes it is another matter.
Value plausible(const fcvm_option& option) {
  if (option.choices != nullptr) {
    return *parse_value(FCVM_OPTION_TEXT, split_choices(option.choices).front());
  }
  switch (option.type) {
    case FCVM_OPTION_BOOLEAN:
      return *parse_value(option.type, "true");
    case FCVM_OPTION_LIST:
      return *parse_value(option.type, "[\"1\"]");
    default:
      return *parse_value(option.type, "1");
  }
}

}  // namespace

const char* type_name(std::uint32_t type) {
  static const char* const kNames[] = {"?",    "text",     "boolean", "integer",
                                       "size", "duration", "list"};
  return type < std::size(kNames) ? kNames[type] : kNames[0];
}

std::vector<std::string> split_choices(const std::string& choices) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t bar; (bar = choices.find('|', start)) != std::string::npos; start = bar + 1) {
    parts.push_back(choices.substr(start, bar - start));
  }
  parts.push_back(choices.substr(start));
  return parts;
}

std::optional<Value> parse_value(std::uint32_t type, const std::string& text) {
  Value value{type, text, 0, {}};
  if (type == FCVM_OPTION_TEXT) return value;
  if (type == FCVM_OPTION_LIST) {
    auto items = list_items(text);
    if (!items) return std::nullopt;
    value.items = std::move(*items);
    return value;
  }
  const auto number = parse_number(type, text);
  if (!number) return std::nullopt;
  value.number = *number;
  return value;
}

fcvm_setting& Settings::push() {
  auto& row = rows_.emplace_back(sizeof(fcvm_setting) + tail_, std::byte{0xa5});
  auto* setting = new (row.data()) fcvm_setting(sized<fcvm_setting>());
  setting->size = static_cast<std::uint32_t>(row.size());
  pointers_.push_back(setting);
  return *setting;
}

void Settings::add_raw(const char* name, std::uint32_t type, const char* text) {
  auto& row = push();
  row.name = name;
  row.type = type;
  row.text = text;
}

void Settings::add(const char* name, const Value& value) {
  const Value& kept = values_.emplace_back(value);
  auto& list = lists_.emplace_back();
  for (const auto& item : kept.items) list.push_back(item.c_str());
  auto& row = push();
  row.name = names_.emplace_back(name).c_str();
  row.type = kept.type;
  row.text = kept.type == FCVM_OPTION_LIST ? nullptr : kept.text.c_str();
  row.number = kept.number;
  row.items = list.data();
  row.item_count = static_cast<std::uint32_t>(list.size());
}

const fcvm_settings* Settings::get() {
  head_.assign(sizeof(fcvm_settings) + tail_, std::byte{0xa5});
  auto* settings = new (head_.data()) fcvm_settings(sized<fcvm_settings>());
  settings->size = static_cast<std::uint32_t>(head_.size());
  settings->count = static_cast<std::uint32_t>(pointers_.size());
  settings->items = pointers_.data();
  return settings;
}

Result<Guessed> guess_settings(const std::vector<fcvm_option>& options,
                               const std::vector<std::pair<std::string, std::string>>& given) {
  Guessed guessed;
  for (const fcvm_option& option : options) {
    const auto set = std::find_if(given.begin(), given.end(),
                                  [&](const auto& pair) { return pair.first == option.name; });
    if (set != given.end()) {
      auto value = parse_value(option.type, set->second);
      if (!value) return skip("--set " + set->first + ": not a " + type_name(option.type));
      guessed.values.emplace_back(option.name, std::move(*value));
    } else if (option.default_value != nullptr) {
      auto value = parse_value(option.type, option.default_value);
      if (value) guessed.values.emplace_back(option.name, std::move(*value));
    } else if ((option.flags & FCVM_OPTION_REQUIRED) != 0) {
      guessed.values.emplace_back(option.name, plausible(option));
      guessed.guesses += (guessed.guesses.empty() ? "" : ", ") + std::string(option.name);
    }
  }
  return guessed;
}

Settings make_settings(const Named& values, std::size_t tail) {
  Settings settings(tail);
  for (const auto& [name, value] : values) settings.add(name.c_str(), value);
  return settings;
}

}  // namespace fcvm::check
