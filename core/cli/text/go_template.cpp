// See go_template.hpp.
#include "core/cli/text/go_template.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/core.h>

#include "core/cli/text/go_functions.hpp"
#include "core/cli/text/json_template.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> split_tabs(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 0;
  for (std::size_t tab; (tab = line.find('\t', begin)) != std::string::npos; begin = tab + 1) {
    cells.push_back(line.substr(begin, tab - begin));
  }
  cells.push_back(line.substr(begin));
  return cells;
}

class Renderer {
 public:
  explicit Renderer(const GoTemplate::Lookup& lookup) : lookup_(lookup) {}

  Result<std::string> all(const std::vector<GoNode>& nodes) {
    std::string text;
    for (const GoNode& node : nodes) text += FCVM_TRY(one(node));
    return text;
  }

 private:
  Result<std::string> one(const GoNode& node) {
    if (node.kind == GoNode::Kind::kText) return node.text;
    Json value = FCVM_TRY(value_of(node.pipe));
    switch (node.kind) {
      case GoNode::Kind::kAssign:
        variables_[node.variables.front()] = std::move(value);
        return std::string();
      case GoNode::Kind::kIf:
        set_variable(node, value);
        return all(go_truth(value) ? node.body : node.otherwise);
      case GoNode::Kind::kWith:
        set_variable(node, value);
        return go_truth(value) ? with_dot(std::move(value), node.body) : all(node.otherwise);
      case GoNode::Kind::kRange:
        return each(node, value);
      default:
        return go_text(value);
    }
  }

  void set_variable(const GoNode& node, const Json& value) {
    if (!node.variables.empty()) variables_[node.variables.back()] = value;
  }

  Result<std::string> each(const GoNode& node, const Json& values) {
    if (!values.is_null() && !values.is_structured()) {
      return fail(EINVAL, "--format: range takes a list or a map");
    }
    if (values.empty()) return all(node.otherwise);
    std::string text;
    std::size_t number = 0;
    for (const auto& item : values.items()) {
      set_variable(node, item.value());
      if (node.variables.size() == 2) {
        variables_[node.variables.front()] = values.is_object() ? Json(item.key()) : Json(number);
      }
      ++number;
      text += FCVM_TRY(with_dot(item.value(), node.body));
    }
    return text;
  }

  Result<std::string> with_dot(Json value, const std::vector<GoNode>& body) {
    auto before = std::exchange(dot_, std::move(value));
    auto text = all(body);
    dot_ = std::move(before);
    return text;
  }

  Result<Json> value_of(const GoPipe& pipe) {
    std::optional<Json> value;
    for (const GoCommand& command : pipe.commands) {
      std::vector<Json> operands;
      for (const auto& operand : command.operands) operands.push_back(FCVM_TRY(value_of(operand)));
      if (value) operands.push_back(*std::move(value));
      if (command.function.empty()) {
        if (operands.size() != 1)
          return fail(EINVAL, "--format: only a function stands behind a |");
        value = std::move(operands.front());
      } else {
        value = FCVM_TRY(call_go_function(command.function, operands));
      }
    }
    return *std::move(value);
  }

  Result<Json> value_of(const GoOperand& operand) {
    switch (operand.from) {
      case GoOperand::From::kLiteral:
        return operand.literal;
      case GoOperand::From::kPipe:
        return json_field(FCVM_TRY(value_of(operand.pipe.front())), operand.path);
      case GoOperand::From::kVariable: {
        if (operand.variable.empty()) return lookup_(operand.path);
        const auto found = variables_.find(operand.variable);
        if (found != variables_.end()) return json_field(found->second, operand.path);
        return fail(EINVAL, fmt::format("--format: there is no variable ${}", operand.variable));
      }
      case GoOperand::From::kDot:
        return dot_ ? json_field(*dot_, operand.path) : lookup_(operand.path);
    }
    return Json();
  }

  const GoTemplate::Lookup& lookup_;
  std::optional<Json> dot_;  // inside of range and with; else the whole
  std::map<std::string, Json> variables_;
};

}  // namespace

Result<GoTemplate> GoTemplate::parse(std::string_view text) {
  GoTemplate parsed;
  if (text.starts_with("table ")) {
    parsed.table_ = true;
    text.remove_prefix(6);
  }
  parsed.nodes_ = FCVM_TRY(parse_go_template(text));
  return parsed;
}

Result<std::string> GoTemplate::render(const Lookup& lookup) const {
  return Renderer(lookup).all(nodes_);
}

Result<Json> in_template(const Result<std::string>& text) {
  if (!text) return unexpected(text.error());
  return Json(*text);
}

std::string align_tabs(const std::vector<std::string>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    const auto cells = split_tabs(line);
    if (cells.size() > widths.size()) widths.resize(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    const auto cells = split_tabs(line);
    for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
      text += fmt::format("{:<{}}", cells[i], widths[i] + 2);
    }
    text += cells.back() + '\n';
  }
  return text;
}

}  // namespace fcvm::cli
