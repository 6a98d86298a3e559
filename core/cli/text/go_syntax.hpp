// A Go template as a tree, and the parser that makes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <fcvm/result.hpp>

namespace fcvm::cli {

struct GoPipe;

/// `.A.B`, `$x.A`, a literal, or a pipe in parentheses.
struct GoOperand {
  enum class From { kDot, kVariable, kLiteral, kPipe } from = From::kDot;
  std::string variable;  // without its $; empty: the whole
  nlohmann::ordered_json literal;
  std::vector<GoPipe> pipe;  // one
  std::string path;          // "A.B", of what it is from
};

/// A function and what it is given, or one operand.
struct GoCommand {
  std::string function;
  std::vector<GoOperand> operands;
};

/// The value of each command is the last operand of the next.
struct GoPipe {
  std::vector<GoCommand> commands;
};

struct GoNode {
  enum class Kind { kText, kOutput, kAssign, kIf, kWith, kRange } kind = Kind::kText;
  std::string text{};
  std::vector<std::string> variables{};  // that are set: `$x := ...`, `range $i, $x := ...`
  GoPipe pipe{};
  std::vector<GoNode> body{};
  std::vector<GoNode> otherwise{};  // behind {{else}}
};

/// EINVAL for what is not understood.
[[nodiscard]] Result<std::vector<GoNode>> parse_go_template(std::string_view text);

}  // namespace fcvm::cli
