// See man_pages.hpp.
#include "core/cli/man_pages.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/base/io/file.hpp"
#include "core/cli/help.hpp"
#include "core/cli/verb.hpp"
#include "core/config/tables.hpp"

namespace fcvm::cli {
namespace {

/// Nothing of it is roff: no escape, no hyphen that a terminal shows as another character, no
/// request at the beginning of a line.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }

std::string header(std::string_view name, int section, std::string_view summary) {
  return fmt::format(".TH {} {} \"\" \"fcvm {}\" \"fcvm\"\n.SH NAME\n{} \\- {}\n", escaped(name),
                     section, FCVM_VERSION, escaped(name), escaped(summary));
}

/// "podman exec" is a page called fcvm-podman-exec nowhere: a verb has one page, under its name.
std::string page_name(const Verb& verb) {
  std::string name = "fcvm-" + verb.name;
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

/// What is indented stays as it is, the rest is set by man.
std::string paragraphs(std::string_view text) {
  std::string out;
  bool verbatim = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool indented = line.starts_with(' ');
    if (indented != verbatim) out += indented ? ".PP\n.nf\n" : ".fi\n";
    verbatim = indented;
    out += line.empty() ? ".PP\n" : escaped(line) + '\n';
  }
  if (verbatim) out += ".fi\n";
  // Not two in a row, which man pages may not have, and none at the end.
  for (std::size_t at; (at = out.find(".PP\n.PP\n")) != std::string::npos;) out.erase(at, 4);
  if (out.ends_with(".PP\n")) out.erase(out.size() - 4);
  return out;
}

std::string options(std::string_view title, const std::vector<config::Option>& all) {
  if (all.empty()) return "";
  std::string out = fmt::format(".SH {}\n", title);
  for (const auto& option : all) {
    out += ".TP\n";
    if (option.letter != 0) out += bold(fmt::format("-{}", option.letter)) + ", ";
    out += bold("--" + option.name);
    const auto value = value_name(option);
    if (!value.empty()) out += " \\fI" + escaped(value.substr(1)) + "\\fR";
    out += '\n' + escaped(help_text(option)) + ".\n";
  }
  return out;
}

std::string synopsis(std::string_view name, const std::string& arguments) {
  return fmt::format(".B fcvm {}\n{}\n", escaped(name), escaped(arguments));
}

std::string page_of(const Verb& verb) {
  std::string out = header(page_name(verb), 1, verb.summary) + ".SH SYNOPSIS\n" +
                    synopsis(verb.name, verb.arguments);
  for (const auto& alias : verb.aliases) out += ".br\n" + synopsis(alias, verb.arguments);
  if (!verb.details.empty()) out += ".SH DESCRIPTION\n" + paragraphs(verb.details);
  out += options("OPTIONS", verb.options);
  if (verb.takes_run_options) out += options("CONTAINER OPTIONS", config::run_table().options);
  out += options("GLOBAL OPTIONS", global_options());
  return out + ".SH SEE ALSO\n.BR fcvm (1),\n.BR fcvm.toml (5)\n";
}

std::string page_of_all() {
  std::string out = header("fcvm", 1, "run OCI containers inside microVMs") +
                    ".SH SYNOPSIS\n.B fcvm\n\\fIVERB\\fR [\\fIOPTION\\fR...]\n.SH VERBS\n";
  for (const Verb& verb : verbs()) {
    if (verb.hidden) continue;
    out += fmt::format(".TP\n.BR {} (1)\n{}.\n", escaped(page_name(verb)), escaped(verb.summary));
  }
  return out + options("GLOBAL OPTIONS", global_options()) + ".SH SEE ALSO\n.BR fcvm.toml (5)\n";
}

/// "FCVM_RUN_CPUS, ..." in the form of a sentence.
std::string environment_of(const config::OptionTable& table, const config::Option& option) {
  std::vector<std::string> names{config::environment_name(table.section, option.name)};
  names.insert(names.end(), option.environment.begin(), option.environment.end());
  return fmt::format("In the environment: {}.", fmt::join(names, ", "));
}

std::string page_of_configuration() {
  std::string out =
      header("fcvm.toml", 5, "configuration of fcvm") + ".SH DESCRIPTION\n" +
      paragraphs(
          "Files are read in this order, a later one overriding an earlier one: "
          "share/fcvm/fcvm.toml of the installation, /etc/fcvm/fcvm.toml, "
          "/etc/fcvm/conf.d/*.toml, the same two in ~/.config/fcvm, the file of --config. "
          "Then come the profile, the environment, and the command line.\n"
          "\n"
          "A section [profile.NAME] may set every option of [run], and inherits = \"OTHER\". "
          "A section [plugin.ID] has the options of a plugin, which `fcvm plugin inspect "
          "ID` lists. `fcvm config check` finds mistakes, `fcvm config sample` prints all "
          "options with their defaults.\n");
  for (const auto& table : config::core_tables()) {
    out += fmt::format(".SH [{}]\n{}.\n", escaped(table.section), escaped(table.help));
    for (const auto& option : table.options) {
      out += fmt::format(".TP\n{} = \\fI{}\\fR\n{}.\n{}\n", bold(option.name),
                         escaped(config::to_string(option.type)), escaped(help_text(option)),
                         escaped(environment_of(table, option)));
    }
  }
  return out + ".SH SEE ALSO\n.BR fcvm (1)\n";
}

}  // namespace

Result<void> write_man_pages(const std::filesystem::path& directory) {
  for (const char* section : {"man1", "man5"}) {
    FCVM_TRY(base::make_directories((directory / section).string(), 0755));
  }
  const auto write = [&](const std::string& name, const std::string& text) {
    return base::write_file_atomic((directory / name).string(), text, 0644);
  };
  FCVM_TRY(write("man1/fcvm.1", page_of_all()));
  FCVM_TRY(write("man5/fcvm.toml.5", page_of_configuration()));
  for (const Verb& verb : verbs()) {
    if (verb.hidden) continue;
    FCVM_TRY(write("man1/" + page_name(verb) + ".1", page_of(verb)));
  }
  return {};
}

}  // namespace fcvm::cli
