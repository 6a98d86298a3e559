// fcvm config check: every mistake in the configuration, or in one file.
#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/load.hpp"

namespace fcvm::cli {
namespace {

/// The plugins whose options the files may set. The configuration that names their directories may
/// be the broken one, so this does not insist on reading it.
plugin::Registry known_plugins(const Invocation& invocation, const config::LoadRequest& layers) {
  plugin::SearchPath search;
  search.environment = config::Environment::of_process().get("FCVM_PLUGIN_PATH").value_or("");
  search.installed = invocation.layout().plugins;
  if (auto config = config::load(layers)) {
    for (const auto& directory : config->list("paths", "plugin-dirs")) {
      search.configured.emplace_back(directory);
    }
  }
  return plugin::Registry::scan(search);
}

Result<int> run(Invocation& invocation) {
  config::LoadRequest request = FCVM_TRY(invocation.load_request());
  const plugin::Registry registry = known_plugins(invocation, request);
  request.plugins = registry.tables();
  std::vector<std::filesystem::path> files(invocation.positionals().begin(),
                                           invocation.positionals().end());
  const config::CheckReport report = config::check(request, files);
  for (const auto& problem : report.problems.all()) fmt::print(stderr, "{}\n", problem.text());
  if (report.problems.dropped() > 0) {
    fmt::print(stderr, "and {} more\n", report.problems.dropped());
  }
  for (const auto& warning : report.warnings) fmt::print(stderr, "warning: {}\n", warning);
  if (!report.problems.empty()) return kExitFailure;
  for (const auto& file : report.files) fmt::print("{}: good\n", file);
  if (report.files.empty())
    fmt::print("there is no configuration file; the built-in values hold\n");
  return 0;
}

}  // namespace

Verb config_check_verb() {
  return {
      .name = "config check",
      .arguments = "[FILE...]",
      .summary = "Check the configuration, or files before they are put in place",
      .details = "Prints every mistake as FILE:LINE:COLUMN and exits with 125 if there is one.\n",
      .reads_configuration = false,
      .positionals = {.max = kAnyNumber},
      .run = run};
}

}  // namespace fcvm::cli
