// fcvm diff: which files of its image a container has changed.
#include <fmt/core.h>

#include "core/cli/each_vm.hpp"
#include "core/cli/guest_podman.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

Result<int> run(Invocation& invocation) {
  const auto podman =
      FCVM_TRY(GuestPodman::find(invocation, invocation.positionals().front(), "compared"));
  std::vector<std::string> words = {"diff"};
  if (invocation.value("format") == "json") words.emplace_back("--format=json");
  words.push_back(podman.container());
  const auto text = FCVM_TRY(podman.run(words));
  fmt::print("{}", base::printable(text, base::Newlines::kKept));
  return 0;
}

}  // namespace

Verb diff_verb() {
  return {
      .name = "diff",
      .aliases = {"podman diff"},
      .arguments = "[--format json] NAME",
      .summary = "Show which files a container has changed",
      .details =
          "A line for each: C for one that was changed, A for one that was added, D for one that\n"
          "was deleted since the image. The VM has to run, and `fcvm start` starts it.\n"
          "\n"
          "Example:\n"
          "  fcvm diff web\n",
      .options = {latest_option(), {.name = "format", .help = "print JSON", .choices = {"json"}}},
      .positionals = {.min = 1, .max = 1, .names = Names::kLiveVms},
      .run = run};
}

}  // namespace fcvm::cli
