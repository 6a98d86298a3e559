// See help.hpp.
#include "core/cli/help.hpp"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/config/tables.hpp"

namespace fcvm::cli {
namespace {

constexpr std::size_t kHelpColumn = 30;
constexpr std::size_t kNarrowest = 60;
constexpr std::size_t kWidest = 100;

/// Of the terminal, as far as lines of that length can be read; 80 without one.
std::size_t find_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::clamp<std::size_t>(size.ws_col, kNarrowest, kWidest);
}

std::size_t width() {
  static const std::size_t found = find_width();
  return found;
}

/// Breaks `text` between words, all lines but the first indented by `indent`.
std::string wrap(std::string_view text, std::size_t indent) {
  std::string wrapped;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    if (column + 1 + word.size() > width() && column > indent) {
      wrapped += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += word.size();
    text = space == std::string_view::npos ? "" : text.substr(space + 1);
  }
  return wrapped;
}

/// Where the text of an indented line goes on that is too long: below its second column.
std::size_t hanging_indent(std::string_view line) {
  const auto first = line.find_first_not_of(' ');
  const auto gap = line.find("  ", first);
  if (gap == std::string_view::npos) return first + 2;
  return line.find_first_not_of(' ', gap);
}

/// Lines that are not indented are paragraphs, which are set anew; the others stay as they are,
/// where there is room for them.
std::string set_in_width(std::string_view text) {
  std::string set;
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (!paragraph.empty()) set += wrap(paragraph, 0) + '\n';
    paragraph.clear();
  };
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.front() != ' ') {
      paragraph += (paragraph.empty() ? "" : " ") + std::string(line);
      continue;
    }
    end_paragraph();
    const bool fits = line.size() <= width();
    const auto indent = fits ? 0 : hanging_indent(line);
    set += fits ? std::string(line)
                : std::string(line.substr(0, indent)) + wrap(line.substr(indent), indent);
    set += '\n';
  }
  end_paragraph();
  return set;
}

std::string describe(const config::Option& option) {
  std::string left = option.letter == 0 ? "      " : fmt::format("  -{}, ", option.letter);
  left += "--" + option.name + value_name(option);
  const std::string right = help_text(option);
  if (left.size() + 2 > kHelpColumn) {
    return fmt::format("{}\n{}{}\n", left, std::string(kHelpColumn, ' '), wrap(right, kHelpColumn));
  }
  return fmt::format("{:<{}}{}\n", left, kHelpColumn, wrap(right, kHelpColumn));
}

std::string describe_all(std::string_view title, const std::vector<config::Option>& options) {
  if (options.empty()) return "";
  std::string text = fmt::format("\n{}:\n", title);
  for (const auto& option : options) text += describe(option);
  return text;
}

}  // namespace

std::string help_text(const config::Option& option) {
  std::string text = option.help;
  if (!option.initial.empty() &&
      !(option.type == config::Type::kBoolean && option.initial == "false")) {
    text += fmt::format(" (default: {})", option.initial);
  }
  if (option.type == config::Type::kList || option.type == config::Type::kMap) {
    text += " (may be repeated)";
  }
  if (!option.aliases.empty()) {
    text += fmt::format(" (also --{})", fmt::join(option.aliases, ", --"));
  }
  return text;
}

std::string value_name(const config::Option& option) {
  if (!option.choices.empty()) return fmt::format(" {}", fmt::join(option.choices, "|"));
  switch (option.type) {
    case config::Type::kBoolean:
      return "";
    case config::Type::kInteger:
      return " NUMBER";
    case config::Type::kSize:
      return " SIZE";
    case config::Type::kDuration:
      return " DURATION";
    case config::Type::kMap:
      return " KEY=VALUE";
    default:
      return " TEXT";
  }
}

std::string help_of(const Verb& verb) {
  constexpr std::size_t kIndent = 7;
  std::string text = wrap(verb.summary + ".", 0) + "\n\nUsage: " +
                     wrap(fmt::format("fcvm {} {}", verb.name, verb.arguments), kIndent) + "\n";
  for (const auto& alias : verb.aliases) {
    text += std::string(kIndent, ' ') +
            wrap(fmt::format("fcvm {} {}", alias, verb.arguments), kIndent) + "\n";
  }
  if (!verb.details.empty()) text += "\n" + set_in_width(verb.details);
  text += describe_all("Options", verb.options);
  if (verb.takes_run_options) {
    text += describe_all("Container options (each may also be set in [run] or a profile)",
                         config::run_table().options);
  }
  return text + describe_all("Global options", global_options());
}

std::string help_of_all() {
  std::string text =
      "fcvm runs OCI containers inside microVMs: one kernel per container.\n\n"
      "Usage: fcvm VERB [OPTION...]\n\nVerbs:\n";
  for (const Verb& verb : verbs()) {
    if (verb.hidden) continue;
    std::string names = verb.name;
    for (const auto& alias : verb.aliases) {
      if (!alias.starts_with("podman ")) names += ", " + alias;
    }
    text += fmt::format("  {:<26}  {}\n", names, wrap(verb.summary, 30));
  }
  return text + describe_all("Global options", global_options()) +
         "      --version               show the version of fcvm\n"
         "\nfcvm VERB --help tells more about a verb. Each that podman has may be written\n"
         "with its name before: `fcvm podman run`.\n";
}

}  // namespace fcvm::cli
