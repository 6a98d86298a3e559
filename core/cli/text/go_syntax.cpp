// See go_syntax.hpp.
#include "core/cli/text/go_syntax.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/core.h>

#include "core/cli/text/go_functions.hpp"

namespace fcvm::cli {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

void trim_left(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}
void trim_right(std::string_view& text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
}

/// As podman takes them in the text, and Go between quotes.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && (next == 't' || next == 'n' || next == '\\' || next == '"')) {
      plain += next == 't' ? '\t' : next == 'n' ? '\n' : next;
      ++i;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// The words between {{ and }}.
class ActionParser {
 public:
  explicit ActionParser(std::string_view action) : whole_(action), rest_(action) {}

  [[nodiscard]] Unexpected not_understood() const {
    return fail(EINVAL, fmt::format("--format: {{{{{}}}}} is not understood", whole_),
                "write fields as {{.Name}} or {{json .Name}}");
  }
  /// The first word, if it is one of letters.
  std::string keyword() {
    trim_left(rest_);
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_word);
    const std::string word(rest_.begin(), end);
    static constexpr std::string_view kKeywords[] = {"if", "else", "end", "range", "with"};
    if (std::find(std::begin(kKeywords), std::end(kKeywords), word) == std::end(kKeywords)) {
      return {};
    }
    rest_.remove_prefix(word.size());
    return word;
  }
  [[nodiscard]] bool at_end() {
    trim_left(rest_);
    return rest_.empty();
  }
  /// "$x :=" or "$i, $x :="; nothing where none is set.
  std::vector<std::string> assigned() {
    const auto before = rest_;
    std::vector<std::string> names;
    do {
      trim_left(rest_);
      if (!take('$')) break;
      names.push_back(word());
    } while (take_after_space(','));
    trim_left(rest_);
    if (!names.empty() && rest_.starts_with(":=")) {
      rest_.remove_prefix(2);
      return names;
    }
    rest_ = before;
    return {};
  }
  Result<GoPipe> pipe() {
    GoPipe pipe;
    do {
      pipe.commands.push_back(FCVM_TRY(command(pipe.commands.empty())));
    } while (take_after_space('|'));
    return pipe;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_after_space(char c) {
    trim_left(rest_);
    return take(c);
  }
  std::string word() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_word);
    std::string word(rest_.begin(), end);
    rest_.remove_prefix(word.size());
    return word;
  }
  [[nodiscard]] bool ends_command() {
    trim_left(rest_);
    return rest_.empty() || rest_.front() == '|' || rest_.front() == ')';
  }

  /// Behind a `|` a function may stand alone.
  Result<GoCommand> command(bool first) {
    GoCommand command;
    trim_left(rest_);
    if (!rest_.empty() && std::isalpha(static_cast<unsigned char>(rest_.front())) != 0) {
      const auto before = rest_;
      command.function = word();
      if (!is_go_function(command.function)) {
        command.function.clear();
        rest_ = before;  // true, false, nil
      }
    }
    while (!ends_command()) command.operands.push_back(FCVM_TRY(operand()));
    const bool lacks_value = command.function.empty() && command.operands.size() != 1;
    if (lacks_value || (first && command.operands.empty())) return not_understood();
    return command;
  }

  Result<GoOperand> operand() {
    GoOperand operand;
    if (take('(')) {
      operand.from = GoOperand::From::kPipe;
      operand.pipe.push_back(FCVM_TRY(pipe()));
      if (!take_after_space(')')) return not_understood();
    } else if (take('$')) {
      operand.from = GoOperand::From::kVariable;
      operand.variable = word();
    } else if (rest_.front() != '.') {
      operand.from = GoOperand::From::kLiteral;
      operand.literal = FCVM_TRY(literal());
      return operand;
    } else if (rest_.size() == 1 || !is_word(rest_[1])) {
      rest_.remove_prefix(1);
      return operand;
    }
    while (rest_.size() > 1 && rest_.front() == '.' && is_word(rest_[1])) {
      rest_.remove_prefix(1);
      operand.path += (operand.path.empty() ? "" : ".") + word();
    }
    return operand;
  }

  Result<nlohmann::ordered_json> literal() {
    const char quote = rest_.front();
    if (quote == '"' || quote == '`') {
      std::size_t end = 1;
      while (end < rest_.size() && rest_[end] != quote)
        end += quote == '"' && rest_[end] == '\\' ? 2 : 1;
      if (end >= rest_.size()) return not_understood();
      const auto inside = rest_.substr(1, end - 1);
      rest_.remove_prefix(end + 1);
      return nlohmann::ordered_json(quote == '"' ? unescape(inside) : std::string(inside));
    }
    std::int64_t number = 0;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (parsed.ec == std::errc()) {
      rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
      return nlohmann::ordered_json(number);
    }
    const auto name = word();
    if (name == "true" || name == "false") return nlohmann::ordered_json(name == "true");
    if (name == "nil") return nlohmann::ordered_json();
    return not_understood();
  }

  std::string_view whole_;
  std::string_view rest_;
};

/// Text and actions, one in the other.
class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : rest_(text) {}

  Result<std::vector<GoNode>> all() {
    auto nodes = FCVM_TRY(until_end());
    if (ended_by_.empty()) return nodes;
    return fail(EINVAL, fmt::format("--format: {{{{{}}}}} ends nothing", ended_by_),
                "leave it out");
  }

 private:
  /// Up to {{end}} or {{else}}, which ended_by_ then is.
  Result<std::vector<GoNode>> until_end() {
    std::vector<GoNode> nodes;
    ended_by_.clear();
    while (!rest_.empty()) {
      const auto action = FCVM_TRY(next_action(nodes));
      if (!action) continue;
      ActionParser parser(*action);
      const std::string keyword = parser.keyword();
      if (keyword == "end" || keyword == "else") {
        ended_by_ = keyword;
        const bool is_chain = keyword == "else" && !parser.at_end();
        // {{else if}} is an {{if}} of its own, whose {{end}} ends both.
        chained_ = is_chain ? std::optional(*action) : std::nullopt;
        if (keyword == "end" && !parser.at_end()) return parser.not_understood();
        return nodes;
      }
      nodes.push_back(FCVM_TRY(node(parser, keyword)));
    }
    return nodes;
  }

  /// The text before it becomes a node; nothing behind the last action, and for a comment.
  Result<std::optional<std::string_view>> next_action(std::vector<GoNode>& nodes) {
    const std::size_t open = rest_.find("{{");
    std::string_view text = rest_.substr(0, open);
    if (std::exchange(trims_, false)) trim_left(text);
    const bool trims_before =
        open != std::string_view::npos && rest_.substr(open).starts_with("{{- ");
    if (trims_before) trim_right(text);
    if (!text.empty()) nodes.push_back({.text = unescape(text)});
    if (open == std::string_view::npos) {
      rest_ = {};
      return std::optional<std::string_view>();
    }
    const std::size_t close = rest_.find("}}", open);
    if (close == std::string_view::npos) {
      return fail(EINVAL, "--format: a {{ without its }}", "write fields as {{.Name}}");
    }
    std::string_view action = rest_.substr(open + 2, close - open - 2);
    rest_.remove_prefix(close + 2);
    if (trims_before) action.remove_prefix(1);
    if (action.ends_with(" -")) {
      action.remove_suffix(1);
      trims_ = true;
    }
    trim_left(action);
    trim_right(action);
    if (action.starts_with("/*")) return std::optional<std::string_view>();
    return std::optional(action);
  }

  Result<GoNode> node(ActionParser& parser, const std::string& keyword) {
    GoNode made{.kind = GoNode::Kind::kOutput};
    if (keyword == "if") made.kind = GoNode::Kind::kIf;
    if (keyword == "with") made.kind = GoNode::Kind::kWith;
    if (keyword == "range") made.kind = GoNode::Kind::kRange;
    made.variables = parser.assigned();
    if (keyword.empty() && !made.variables.empty()) made.kind = GoNode::Kind::kAssign;
    const std::size_t most = made.kind == GoNode::Kind::kRange ? 2 : 1;
    if (made.variables.size() > most) return parser.not_understood();
    made.pipe = FCVM_TRY(parser.pipe());
    if (!parser.at_end()) return parser.not_understood();
    if (keyword.empty()) return made;
    made.body = FCVM_TRY(until_end());
    if (ended_by_ == "else") FCVM_TRY(add_otherwise(made));
    if (ended_by_ != "end") {
      return fail(EINVAL, fmt::format("--format: a {{{{{}}}}} without its {{{{end}}}}", keyword),
                  "write {{end}} behind it");
    }
    ended_by_.clear();
    return made;
  }

  Result<void> add_otherwise(GoNode& made) {
    if (!chained_) {
      made.otherwise = FCVM_TRY(until_end());
      return {};
    }
    ActionParser parser(*std::exchange(chained_, std::nullopt));
    static_cast<void>(parser.keyword());  // else
    const std::string keyword = parser.keyword();
    if (keyword != "if" && keyword != "with") return parser.not_understood();
    made.otherwise.push_back(FCVM_TRY(node(parser, keyword)));
    ended_by_ = "end";
    return {};
  }

  std::string_view rest_;
  bool trims_ = false;  // the next text's beginning
  std::string ended_by_;
  std::optional<std::string_view> chained_;  // the action of an {{else if}}
};

}  // namespace

Result<std::vector<GoNode>> parse_go_template(std::string_view text) {
  return TemplateParser(text).all();
}

}  // namespace fcvm::cli
