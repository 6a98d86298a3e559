// fcvm completion: the script by which a shell completes fcvm's command lines; and `fcvm complete`,
// which that script asks.
#include "core/cli/completion.hpp"

#include <fmt/core.h>

#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

Result<int> run_completion(Invocation& invocation) {
  const auto& shell = invocation.positionals().front();
  if (shell != "bash" && shell != "zsh" && shell != "fish") {
    return fail(EINVAL, fmt::format("there is no completion for \"{}\"", shell),
                "give bash, zsh or fish");
  }
  fmt::print("{}", completion_script(shell));
  return 0;
}

Result<int> run_complete(Invocation& invocation) {
  const auto candidates = complete(invocation, invocation.positionals());
  for (const auto& [word, help] : candidates.all) fmt::print("{}\t{}\n", word, help);
  if (candidates.files) fmt::print(":files\n");
  return 0;
}

}  // namespace

Verb completion_verb() {
  return {.name = "completion",
          .arguments = "bash|zsh|fish",
          .summary = "Print what completes command lines of fcvm in a shell",
          .details =
              "Verbs, options and their values are completed, and the names of VMs, profiles and\n"
              "plugins. An installed fcvm has the scripts where the shells look for them.\n"
              "\n"
              "Examples:\n"
              "  source <(fcvm completion bash)\n"
              "  fcvm completion zsh > ~/.zfunc/_fcvm\n"
              "  fcvm completion fish > ~/.config/fish/completions/fcvm.fish\n",
          .reads_configuration = false,
          .positionals = {.min = 1, .max = 1, .names = Names::kShells},
          .run = run_completion};
}

Verb complete_verb() {
  return {.name = "complete",
          .arguments = "-- [WORD...]",
          .summary = "Print what the last word may become, a line each",
          .bears_mistakes = true,
          .tells_mistakes = false,
          .hidden = true,
          .positionals = {.max = kAnyNumber, .first_ends_options = true},
          .run = run_complete};
}

}  // namespace fcvm::cli
