// fcvm plugin check: hands over to fcvm-plugin-check, which authors also have without fcvm.
#include <filesystem>
#include <unistd.h>

#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

/// A file, or the id of a plugin that is found as `fcvm run` finds it.
Result<std::string> file_of(Invocation& invocation, const std::string& word) {
  const bool is_file = word.find('/') != std::string::npos || word.ends_with(".so");
  if (is_file || std::filesystem::exists(word)) return word;
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const plugin::Entry* entry = FCVM_TRY(registry->find(word));
  return entry->path.string();
}

Result<int> run(Invocation& invocation) {
  const auto program = (invocation.layout().bin / "fcvm-plugin-check").string();
  std::vector<std::string> words = {program};
  if (invocation.flag("json")) words.emplace_back("--json");
  if (invocation.flag("strict")) words.emplace_back("--strict");
  for (const auto& setting : invocation.values("set"))
    words.insert(words.end(), {"--set", setting});
  words.emplace_back("--");
  for (const auto& word : invocation.positionals()) {
    words.push_back(FCVM_TRY(file_of(invocation, word)));
  }
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  auto failure = fail_errno("running " + program);
  return unexpected(std::move(failure).error().remedied_by("install fcvm's plugin SDK package"));
}

}  // namespace

Verb plugin_check_verb() {
  return {
      .name = "plugin check",
      .arguments = "[--json] [--strict] [--set OPTION=VALUE]... FILE|ID...",
      .summary = "Test whether a plugin keeps to the rules of the interface",
      .details =
          "Calls the plugin in processes of its own, with a host that refuses everything. Where\n"
          "a required option needs a value that fits, --set gives it.\n",
      .options = {{.name = "json", .type = config::Type::kBoolean, .help = "print JSON"},
                  {.name = "strict",
                   .type = config::Type::kBoolean,
                   .help = "let warnings fail, too"}},
      .reads_configuration = false,
      .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kFiles},
      .run = run};
}

}  // namespace fcvm::cli
