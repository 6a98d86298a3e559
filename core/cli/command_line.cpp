#include "core/cli/command_line.hpp"

#include <boost/program_options.hpp>
#include <fmt/core.h>

#include "core/cli/not_yet.hpp"
#include "core/config/nearest.hpp"
#include "core/config/tables.hpp"

namespace fcvm::cli {
namespace {

namespace po = boost::program_options;

/// An option of this command line: from the verb, from [run] or from the global ones.
struct Known {
  const config::Option* option;
  bool of_run;
};

std::vector<Known> known_options(const Verb& verb) {
  std::vector<Known> known;
  for (const auto& option : verb.options) known.push_back({&option, false});
  const auto add_unless_hidden = [&](const config::Option& option, bool of_run) {
    for (const Known& earlier : known) {
      if (earlier.option->name == option.name) return;
    }
    known.push_back({&option, of_run});
  };
  if (verb.takes_run_options) {
    for (const auto& option : config::run_table().options) add_unless_hidden(option, true);
  }
  for (const auto& option : global_options()) add_unless_hidden(option, false);
  return known;
}

const Known* find_long(const std::vector<Known>& known, std::string_view name) {
  for (const Known& candidate : known) {
    const auto& aliases = candidate.option->aliases;
    if (candidate.option->name == name ||
        std::find(aliases.begin(), aliases.end(), name) != aliases.end()) {
      return &candidate;
    }
  }
  return nullptr;
}

const Known* find_letter(const std::vector<Known>& known, char letter) {
  for (const Known& candidate : known) {
    if (candidate.option->letter == letter) return &candidate;
  }
  return nullptr;
}

/// What an option that may stand alone means then; "" for one that takes a value.
std::string alone(const config::Option& option) {
  return option.type == config::Type::kBoolean ? "true" : option.bare;
}

bool is_flag(const config::Option& option) { return !alone(option).empty(); }

/// The beginning of an id, "3a", is not `-a`; and "-" alone is a positional.
bool has_dash(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

/// The option whose value is the word after `word`.
const config::Option* awaiting_value(const std::vector<Known>& known, std::string_view word) {
  if (!has_dash(word)) return nullptr;
  if (word.substr(0, 2) == "--") {
    const Known* option = find_long(known, word.substr(2));
    return option == nullptr || is_flag(*option->option) ? nullptr : option->option;
  }
  // A cluster such as -it or -eA=1: the first letter that takes a value ends it.
  for (std::size_t i = 1; i < word.size(); ++i) {
    const Known* option = find_letter(known, word[i]);
    if (option == nullptr) return nullptr;
    if (!is_flag(*option->option)) return i + 1 == word.size() ? option->option : nullptr;
  }
  return nullptr;
}

bool wants_next_word(const std::vector<Known>& known, std::string_view word) {
  return awaiting_value(known, word) != nullptr;
}

/// How many words belong to the options: up to the first positional, or to "--".
std::size_t count_option_words(const std::vector<Known>& known,
                               const std::vector<std::string>& words) {
  std::size_t i = 0;
  while (i < words.size() && has_dash(words[i]) && words[i] != "--") {
    i += wants_next_word(known, words[i]) ? 2 : 1;
  }
  return std::min(i, words.size());
}

/// Boost would take the next word for the value of a flag, since it may have one (--flag=false).
std::string spell_out(const config::Option& flag) { return "--" + flag.name + "=" + alone(flag); }

/// Splits -it into --interactive=true --tty=true, and -feA=1 into --fast=true -eA=1.
std::vector<std::string> split_clusters(const std::vector<Known>& known,
                                        const std::vector<std::string>& words) {
  std::vector<std::string> split;
  for (std::size_t at = 0; at < words.size(); ++at) {
    std::string word = words[at];
    while (word.size() > 2 && has_dash(word) && word[1] != '-') {
      const Known* option = find_letter(known, word[1]);
      if (option == nullptr || !is_flag(*option->option)) break;
      split.push_back(spell_out(*option->option));
      word.erase(1, 1);
    }
    const bool is_long = word.substr(0, 2) == "--";
    const bool is_short = word.size() == 2 && has_dash(word);
    const Known* option = is_long    ? find_long(known, word.substr(2))
                          : is_short ? find_letter(known, word[1])
                                     : nullptr;
    if (option != nullptr && is_flag(*option->option)) word = spell_out(*option->option);
    const bool value_follows = wants_next_word(known, word);
    split.push_back(std::move(word));
    if (value_follows && at + 1 < words.size()) split.push_back(words[++at]);
  }
  return split;
}

po::options_description describe(const std::vector<Known>& known) {
  po::options_description description;
  const auto add = [&](const std::string& names, const config::Option& option) {
    auto* value = po::value<std::vector<std::string>>();
    if (is_flag(option)) value->implicit_value({alone(option)}, alone(option));
    description.add_options()(names.c_str(), value);
  };
  for (const Known& entry : known) {
    const config::Option& option = *entry.option;
    add(option.letter == 0 ? option.name : fmt::format("{},{}", option.name, option.letter),
        option);
    for (const auto& alias : option.aliases) add(alias, option);
  }
  return description;
}

std::string suggestion(const std::vector<Known>& known, std::string_view typed) {
  if (typed.substr(0, 2) != "--") return "";  // a letter is near to everything
  std::vector<std::string> names;
  for (const Known& entry : known) {
    names.push_back(entry.option->name);
    names.insert(names.end(), entry.option->aliases.begin(), entry.option->aliases.end());
  }
  const auto meant = config::nearest(typed.substr(2, typed.find('=') - 2), names);
  return meant.empty() ? "" : "; did you mean `--" + meant + "`?";
}

Result<void> take_options(const Verb& verb, const std::vector<Known>& known,
                          const std::vector<std::string>& words, CommandLine& line) {
  // No guessing: `--no` must not mean --no-snapshot today and something else tomorrow.
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  const po::options_description description = describe(known);
  try {
    const auto parsed = po::command_line_parser(split_clusters(known, words))
                            .options(description)
                            .style(style)
                            .run();
    for (const auto& item : parsed.options) {
      if (item.position_key != -1) {
        line.positionals.push_back(item.value.front());
        continue;
      }
      // Boost reports a letter as "-e" and a long name without its dashes.
      const bool letter = item.string_key.size() == 2 && item.string_key[0] == '-';
      const Known* entry =
          letter ? find_letter(known, item.string_key[1]) : find_long(known, item.string_key);
      const config::Option& option = *entry->option;
      const std::string text = item.value.empty() ? "true" : item.value.front();
      if (entry->of_run) {
        const std::string& typed = item.original_tokens.front();
        const bool by_letter = typed.size() > 1 && typed[1] != '-';
        const bool in_bytes =
            !option.in_bytes.empty() && (by_letter || item.string_key == option.in_bytes);
        line.run_assignments.push_back(
            {"run", in_bytes ? option.in_bytes : option.name, text, typed});
      }
      line.options[option.name].push_back(text);
    }
    return {};
  } catch (const po::unknown_option& thrown) {
    if (const auto* missing = not_yet_option(verb, thrown.get_option_name())) {
      return fail(ENOSYS, fmt::format("{} of podman is not there yet", thrown.get_option_name()),
                  std::string(missing->instead));
    }
    return fail(EINVAL, fmt::format("unknown option {}{}", thrown.get_option_name(),
                                    suggestion(known, thrown.get_option_name())));
  } catch (const po::error& thrown) {
    return fail(EINVAL, thrown.what());
  }
}

Result<void> check_values(const std::vector<Known>& known, const CommandLine& line) {
  for (const auto& [name, texts] : line.options) {
    const Known* entry = find_long(known, name);
    if (entry->of_run) continue;  // core/config does, together with the files
    const auto value = config::parse(*entry->option, texts);
    if (!value) return fail(EINVAL, fmt::format("--{}: {}", name, value.error().message()));
  }
  return {};
}

/// `named` of them are given otherwise: the VM, by --latest.
Result<void> check_positionals(const Verb& verb, const std::vector<std::string>& given,
                               std::size_t named) {
  if (given.size() + named < verb.positionals.min) {
    return fail(EINVAL,
                fmt::format("an argument is missing: fcvm {} {}", verb.name, verb.arguments));
  }
  const std::size_t most = verb.positionals.max - std::min(named, verb.positionals.max);
  if (given.size() > most) {
    return fail(EINVAL, fmt::format("unexpected argument \"{}\"", given[most]));
  }
  return {};
}

Result<CommandLine> parse(const Verb& verb, const std::vector<std::string>& words) {
  const auto known = known_options(verb);
  CommandLine line;
  std::vector<std::string> rest;
  std::vector<std::string> option_words = words;
  // "--" ends options everywhere; the first positional does for verbs that run a command.
  const auto dashes = std::find(words.begin(), words.end(), "--");
  const std::size_t end = verb.positionals.first_ends_options
                              ? count_option_words(known, words)
                              : static_cast<std::size_t>(dashes - words.begin());
  option_words.resize(end);
  rest.assign(words.begin() + static_cast<std::ptrdiff_t>(end), words.end());
  if (!rest.empty() && rest.front() == "--") rest.erase(rest.begin());
  FCVM_TRY(take_options(verb, known, option_words, line));
  line.positionals.insert(line.positionals.end(), rest.begin(), rest.end());
  if (line.options.count("help") != 0) return line;
  FCVM_TRY(check_values(known, line));
  const bool names_latest = verb.positionals.max > 0 && line.options.count("latest") != 0;
  FCVM_TRY(check_positionals(verb, line.positionals, names_latest ? 1 : 0));
  return line;
}

}  // namespace

Result<CommandLine> parse_command_line(const Verb& verb, const std::vector<std::string>& words) {
  const auto help = fmt::format("fcvm {} --help", verb.name);
  auto line = FCVM_TRY(parse(verb, words) | context("fcvm " + verb.name) | remedy(help));
  line.help = help;
  line.bears_mistakes = verb.bears_mistakes;
  line.tells_mistakes = verb.tells_mistakes;
  return line;
}

std::vector<const config::Option*> options_of(const Verb& verb) {
  std::vector<const config::Option*> options;
  for (const Known& known : known_options(verb)) options.push_back(known.option);
  return options;
}

const config::Option* option_awaiting_value(const Verb& verb, std::string_view word) {
  return awaiting_value(known_options(verb), word);
}

}  // namespace fcvm::cli
