// The only file that includes toml++. Its recursion is bounded twice: values may nest 32 deep, and
// key_depth.cpp refuses long dotted keys, which toml++ builds without a limit and destroys
// recursively.

#include <algorithm>
#include <utility>

#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

#include "core/config/document.hpp"
#include "core/config/key_depth.hpp"
#include "core/config/read_file.hpp"
#include "core/config/utf8.hpp"

namespace fcvm::config {

namespace {

Position position(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

template <typename T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

Node convert(const toml::node& node);

Node convert_table(const toml::table& table) {
  Node out;
  for (const auto& [key, value] : table) {
    out.members.push_back({std::string(key.str()), position(key.source()), convert(value)});
  }
  return out;
}

Node convert_array(const toml::array& array) {
  Node out;
  out.kind = Node::Kind::kArray;
  for (const toml::node& item : array) out.items.push_back(convert(item));
  return out;
}

Node convert_scalar(const toml::node& node) {
  Node out;
  if (const auto* text = node.as_string()) {
    out.kind = Node::Kind::kText;
    out.text = text->get();
  } else if (const auto* flag = node.as_boolean()) {
    out.kind = Node::Kind::kBoolean;
    out.boolean = flag->get();
    out.text = out.boolean ? "true" : "false";
  } else if (const auto* number = node.as_integer()) {
    out.kind = Node::Kind::kInteger;
    out.integer = number->get();
    out.text = std::to_string(out.integer);
  } else if (const auto* real = node.as_floating_point()) {
    out.kind = Node::Kind::kFloat;
    out.text = printed(*real);
  } else {
    out.kind = Node::Kind::kTime;
  }
  return out;
}

Node convert(const toml::node& node) {
  Node out;
  if (const auto* table = node.as_table()) {
    out = convert_table(*table);
  } else if (const auto* array = node.as_array()) {
    out = convert_array(*array);
  } else {
    out = convert_scalar(node);
  }
  out.at = position(node.source());
  return out;
}

/// "parsing table header: expected ']', saw '\n'", without what only toml++'s users understand.
std::string message_of(const toml::parse_error& error) {
  std::string text(error.description());
  for (std::string_view noise : {"Error while ", " (TOML_MAX_NESTED_VALUES)"}) {
    const std::size_t at = text.find(noise);
    if (at != std::string::npos) text.erase(at, noise.size());
  }
  return "not valid TOML: " + text;
}

}  // namespace

bool parse_document(std::string_view text, Document& document, Problems& problems) {
  if (const auto bad = find_bad_utf8(text)) {
    problems.add(document.origin(*bad), "not valid UTF-8");
    return false;
  }
  if (const auto deep = find_deep_key(text)) {
    problems.add(document.origin(*deep), "a key of more than " + std::to_string(kDeepestKey) +
                                             " parts, which no option has");
    return false;
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    problems.add(document.origin(position(parsed.error().source())), message_of(parsed.error()));
    return false;
  }
  document.root = convert_table(parsed.table());
  return true;
}

bool read_document(Layer layer, const std::filesystem::path& path, Absent absent,
                   Document& document, Problems& problems) {
  document.layer = layer;
  document.path = path.string();
  const Result<std::string> text = read_file(path);
  if (text) return parse_document(*text, document, problems);
  const int code = text.error().code();
  const bool missing = code == ENOENT || code == ENOTDIR;
  if (!missing || absent == Absent::kProblem) {
    problems.add(document.origin({}), text.error().message());
  }
  return false;
}

}  // namespace fcvm::config
