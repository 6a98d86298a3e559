// The words of a command line, matched against a verb. Owns the use of Boost.Program_options.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/cli/verb.hpp"
#include "core/config/load.hpp"

namespace fcvm::cli {

/// What was typed: each option's texts by its proper name, and the rest.
struct CommandLine {
  std::map<std::string, std::vector<std::string>, std::less<>> options{};
  std::vector<std::string> positionals{};
  std::vector<config::Assignment> run_assignments{};  // options of [run], for core/config
  std::string help{};                                 // the command that tells what can be typed
  bool bears_mistakes = false;                        // as its verb does
  bool tells_mistakes = true;
};

/// `words` are those after the verb's name.
[[nodiscard]] Result<CommandLine> parse_command_line(const Verb& verb,
                                                     const std::vector<std::string>& words);

/// Every option that the verb takes: its own, those of [run] where it takes them, the global ones.
[[nodiscard]] std::vector<const config::Option*> options_of(const Verb& verb);
/// The option whose value is the word after `word`; null where there is none.
[[nodiscard]] const config::Option* option_awaiting_value(const Verb& verb, std::string_view word);

}  // namespace fcvm::cli
