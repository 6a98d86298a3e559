#include "core/cli/text/json_template.hpp"

#include <algorithm>
#include <cctype>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/printable.hpp"
#include "core/cli/text/go_template.hpp"
#include "core/cli/text/json_text.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

bool is_same_name(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

/// Null where there is none.
const Json* member(const Json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  if (const auto exact = object.find(name); exact != object.end()) return &*exact;
  for (const auto& item : object.items()) {
    if (is_same_name(item.key(), name)) return &item.value();
  }
  return nullptr;
}

}  // namespace

Result<Json> json_field(const Json& whole, const std::string& path, const std::string& remedy) {
  const Json* at = &whole;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t dot = std::min(path.find('.', begin), path.size());
    at = member(*at, path.substr(begin, dot - begin));
    if (at == nullptr) {
      return fail(EINVAL, fmt::format("--format: there is no field {{{{.{}}}}}", path), remedy);
    }
    begin = dot + 1;
  }
  return *at;
}

Result<void> print_objects(const Json& list, const std::string& format, const std::string& remedy) {
  if (format.empty() || format == "json") {
    fmt::print("{}\n", json_text(list));
    return {};
  }
  const auto parsed = FCVM_TRY(GoTemplate::parse(format));
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  for (const Json& one : list) {
    const auto text = FCVM_TRY(
        parsed.render([&](const std::string& field) { return json_field(one, field, remedy); }));
    fmt::print("{}\n", is_terminal ? base::printable(text, base::Newlines::kKept) : text);
  }
  return {};
}

}  // namespace fcvm::cli
