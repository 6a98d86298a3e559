// See go_functions.hpp.
#include "core/cli/text/go_functions.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/core.h>

#include "core/cli/text/json_text.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;
using Operands = std::vector<Json>;

std::string changed(const Json& value, int (*change)(int)) {
  std::string text = go_text(value);
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

Unexpected wrong(std::string_view function, const char* what) {
  return fail(EINVAL, fmt::format("--format: {} {}", function, what));
}

Result<Json> length(const Operands& operands) {
  const Json& of = operands.front();
  if (of.is_string()) return Json(of.get_ref<const std::string&>().size());
  if (of.is_structured()) return Json(of.size());
  return wrong("len", "takes a text, a list or a map");
}

/// What is not in a map is empty there; what is not in a list is a mistake.
Result<Json> index(const Operands& operands) {
  Json at = operands.front();
  for (std::size_t i = 1; i < operands.size(); ++i) {
    const Json& key = operands[i];
    if (at.is_object()) {
      const auto found = at.find(go_text(key));
      Json next = found == at.end() ? Json("") : Json(*found);
      at = std::move(next);
    } else if (at.is_array() && key.is_number_integer()) {
      const auto number = key.get<std::int64_t>();
      if (number < 0 || static_cast<std::size_t>(number) >= at.size()) {
        return wrong("index", fmt::format("{} is outside of the list", number).c_str());
      }
      Json next = at[static_cast<std::size_t>(number)];
      at = std::move(next);
    } else {
      return wrong("index", "takes a map or a list, and keys");
    }
  }
  return at;
}

Result<Json> join(const Operands& operands) {
  if (!operands[0].is_array()) return wrong("join", "takes a list and what stands between");
  std::string text;
  for (std::size_t i = 0; i < operands[0].size(); ++i) {
    text += (i == 0 ? "" : go_text(operands[1])) + go_text(operands[0][i]);
  }
  return Json(text);
}

Result<Json> split(const Operands& operands) {
  const std::string text = go_text(operands[0]);
  const std::string between = go_text(operands[1]);
  if (between.empty()) return wrong("split", "takes a text and what stands between");
  Json list = Json::array();
  std::size_t begin = 0;
  for (std::size_t at; (at = text.find(between, begin)) != std::string::npos;) {
    list.push_back(text.substr(begin, at - begin));
    begin = at + between.size();
  }
  list.push_back(text.substr(begin));
  return list;
}

/// One of several, as Go has it.
Result<Json> equals(const Operands& operands) {
  return Json(std::any_of(operands.begin() + 1, operands.end(),
                          [&](const Json& other) { return operands.front() == other; }));
}

Result<Json> all_true(const Operands& operands) {
  const auto found = std::find_if_not(operands.begin(), operands.end(), go_truth);
  return found == operands.end() ? operands.back() : *found;
}
Result<Json> any_true(const Operands& operands) {
  const auto found = std::find_if(operands.begin(), operands.end(), go_truth);
  return found == operands.end() ? operands.back() : *found;
}

Result<Json> print(const Operands& operands) {
  std::string text;
  for (const Json& operand : operands) text += go_text(operand);
  return Json(text);
}
Result<Json> print_line(const Operands& operands) {
  std::string text;
  for (const Json& operand : operands) text += (text.empty() ? "" : " ") + go_text(operand);
  return Json(text + "\n");
}

/// %s, %v, %d, %q and %%, with neither width nor precision.
Result<Json> format(const Operands& operands) {
  const std::string pattern = go_text(operands.front());
  std::string text;
  std::size_t next = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      text += pattern[i];
      continue;
    }
    const char verb = i + 1 < pattern.size() ? pattern[++i] : '\0';
    if (verb == '%') {
      text += '%';
      continue;
    }
    if (std::string_view("svdq").find(verb) == std::string_view::npos || next == operands.size()) {
      return wrong("printf", "takes a text with %s, %v, %d or %q, and a value for each");
    }
    const Json& value = operands[next++];
    text += verb == 'q' ? json_text(Json(go_text(value)), -1) : go_text(value);
  }
  return Json(text);
}

struct Function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Result<Json> (*call)(const Operands&);
};

constexpr std::size_t kMany = 1000;

const Function kFunctions[] = {
    {"json", 1, 1, [](const Operands& o) -> Result<Json> { return Json(json_text(o[0], -1)); }},
    {"len", 1, 1, length},
    {"index", 1, kMany, index},
    {"join", 2, 2, join},
    {"split", 2, 2, split},
    {"eq", 2, kMany, equals},
    {"ne", 2, 2, [](const Operands& o) -> Result<Json> { return Json(o[0] != o[1]); }},
    {"lt", 2, 2, [](const Operands& o) -> Result<Json> { return Json(o[0] < o[1]); }},
    {"le", 2, 2, [](const Operands& o) -> Result<Json> { return Json(o[0] <= o[1]); }},
    {"gt", 2, 2, [](const Operands& o) -> Result<Json> { return Json(o[0] > o[1]); }},
    {"ge", 2, 2, [](const Operands& o) -> Result<Json> { return Json(o[0] >= o[1]); }},
    {"and", 1, kMany, all_true},
    {"or", 1, kMany, any_true},
    {"not", 1, 1, [](const Operands& o) -> Result<Json> { return Json(!go_truth(o[0])); }},
    {"lower", 1, 1,
     [](const Operands& o) -> Result<Json> { return Json(changed(o[0], std::tolower)); }},
    {"upper", 1, 1,
     [](const Operands& o) -> Result<Json> { return Json(changed(o[0], std::toupper)); }},
    {"print", 1, kMany, print},
    {"println", 1, kMany, print_line},
    {"printf", 1, kMany, format},
};

const Function* find_function(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                   [&](const Function& one) { return one.name == name; });
  return found == std::end(kFunctions) ? nullptr : found;
}

}  // namespace

bool is_go_function(std::string_view name) { return find_function(name) != nullptr; }

Result<Json> call_go_function(std::string_view name, const Operands& operands) {
  const Function* function = find_function(name);
  if (function == nullptr) return wrong(name, "is no function");
  if (operands.size() < function->least || operands.size() > function->most) {
    return wrong(name, "has too few operands, or too many");
  }
  return function->call(operands);
}

std::string go_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<nil>";
  if (!value.is_structured()) return json_text(value, -1);
  std::string text = value.is_object() ? "map[" : "[";
  bool first = true;
  for (const auto& item : value.items()) {
    if (!std::exchange(first, false)) text += ' ';
    if (value.is_object()) text += item.key() + ':';
    text += go_text(item.value());
  }
  return text + ']';
}

bool go_truth(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != 0;
  return !value.is_null() && (value.is_string() ? value != "" : !value.empty());
}

}  // namespace fcvm::cli
