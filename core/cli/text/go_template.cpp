#include "core/cli/text/go_template.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace fcvm::cli {
namespace {

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && (next == 't' || next == 'n' || next == '\\')) {
      plain += next == 't' ? '\t' : next == 'n' ? '\n' : '\\';
      ++i;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string> split_tabs(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 0;
  for (std::size_t tab; (tab = line.find('\t', begin)) != std::string::npos; begin = tab + 1) {
    cells.push_back(line.substr(begin, tab - begin));
  }
  cells.push_back(line.substr(begin));
  return cells;
}

}  // namespace

Result<GoTemplate> GoTemplate::parse(std::string_view text) {
  GoTemplate parsed;
  if (text.substr(0, 6) == "table ") {
    parsed.table_ = true;
    text.remove_prefix(6);
  }
  while (!text.empty()) {
    const std::size_t open = text.find("{{");
    if (open != 0) parsed.pieces_.push_back({.text = unescape(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos) {
      return fail(EINVAL, "--format: a {{ without its }}", "write fields as {{.Name}}");
    }
    FCVM_TRY(parsed.add_action(trim(text.substr(open + 2, close - open - 2))));
    text.remove_prefix(close + 2);
  }
  return parsed;
}

Result<void> GoTemplate::add_action(std::string_view action) {
  const std::string_view whole = action;
  const bool as_json = action.substr(0, 5) == "json ";
  if (as_json) action = trim(action.substr(5));
  const bool is_name = std::all_of(action.begin(), action.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_';
  });
  if (action.empty() || action.front() != '.' || !is_name) {
    return fail(EINVAL, fmt::format("--format: {{{{{}}}}} is not understood", whole),
                "write fields as {{.Name}} or {{json .Name}}");
  }
  pieces_.push_back({.is_field = true, .as_json = as_json, .text = std::string(action.substr(1))});
  return {};
}

Result<std::string> GoTemplate::render(const Lookup& lookup) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.is_field ? FCVM_TRY(lookup(piece.text, piece.as_json)) : piece.text;
  }
  return text;
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
