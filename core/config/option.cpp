#include "core/config/option.hpp"

#include <algorithm>
#include <array>
#include <utility>

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

}  // namespace

std::string_view describe(Type type) {
  return kTypeWords.at(static_cast<std::size_t>(type)).description;
}

std::string_view to_string(Type type) { return kTypeWords.at(static_cast<std::size_t>(type)).name; }

const Option* OptionTable::find(std::string_view name) const {
  const auto matches = [name](const Option& option) {
    return option.name == name ||
           std::find(option.aliases.begin(), option.aliases.end(), name) != option.aliases.end();
  };
  const auto found = std::find_if(options.begin(), options.end(), matches);
  return found == options.end() ? nullptr : &*found;
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

}  // namespace fcvm::config
