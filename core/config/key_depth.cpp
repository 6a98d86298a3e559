#include "core/config/key_depth.hpp"

#include <algorithm>

namespace fcvm::config {

namespace {

/// Length of the string or comment that begins at the front of `text`; 0 when none does. A string
/// that does not end takes the rest: toml++ stops there too, and says so.
std::size_t skipped_length(std::string_view text) {
  const char quote = text.front();
  if (quote == '#') return std::min(text.find('\n'), text.size());
  if (quote != '"' && quote != '\'') return 0;
  const bool multiline = text.size() > 2 && text[1] == quote && text[2] == quote;
  const std::size_t width = multiline ? 3 : 1;
  for (std::size_t i = width; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (text.substr(i, width) == std::string_view(text.data(), width)) {
      return i + width;
    }
  }
  return text.size();
}

}  // namespace

std::optional<Position> find_deep_key(std::string_view text) {
  std::size_t dots = 0;
  std::uint32_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t skipped = skipped_length(text.substr(i));
    if (skipped != 0) {
      const std::string_view inside = text.substr(i, skipped);
      line += static_cast<std::uint32_t>(std::count(inside.begin(), inside.end(), '\n'));
      i += skipped;
      if (const auto newline = inside.rfind('\n'); newline != std::string_view::npos) {
        line_start = i - skipped + newline + 1;
      }
      continue;
    }
    const char c = text[i];
    if (c == '.') {
      if (++dots >= kDeepestKey) {
        return Position{line, static_cast<std::uint32_t>(i - line_start + 1)};
      }
    } else if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) {
      dots = 0;
    }
    ++i;
    if (c == '\n') {
      ++line;
      line_start = i;
    }
  }
  return std::nullopt;
}

}  // namespace fcvm::config
