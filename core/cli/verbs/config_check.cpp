// fcvm config check: every mistake in the configuration, or in one file.
#include <algorithm>

#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/session/detach_keys.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/load.hpp"
#include "core/log/log.hpp"
#include "core/plan/check_options.hpp"

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

/// Of options that have their type; only those of files, and of `files` alone where some are given.
void judge_options(const config::Config& config, const std::vector<std::string>& files,
                   config::Problems& problems) {
  const auto add = [&](const std::string& option, const Error& error) {
    const auto& where = config.origin("run", option);
    const bool asked =
        files.empty() || std::find(files.begin(), files.end(), where.file) != files.end();
    if (where.file.empty() || !asked) return;
    const auto fix = error.remedy().empty() ? "" : "; " + error.remedy();
    problems.add(where, "`" + option + "`: " + error.message() + fix);
  };
  for (const auto& [option, error] : plan::check_options(config)) add(option, error);
  const auto keys = DetachKeys::parse(config.text("run", "detach-keys"));
  if (!keys) add("detach-keys", keys.error());
}

/// As they are without a profile, and as each profile has them.
void judge_all_options(config::LoadRequest request, const std::vector<std::string>& files,
                       config::Problems& problems) {
  const auto judge = [&](const std::string& profile) {
    request.profile = profile;
    config::Problems told_already;
    const auto config = config::load_what_is_right(request, told_already);
    judge_options(config, files, problems);
    return config.profiles();
  };
  for (const auto& profile : judge(request.profile)) judge(profile);
}

Result<int> run(Invocation& invocation) {
  config::LoadRequest request = FCVM_TRY(invocation.load_request());
  const plugin::Registry registry = known_plugins(invocation, request);
  request.plugins = registry.tables();
  std::vector<std::filesystem::path> files(invocation.positionals().begin(),
                                           invocation.positionals().end());
  config::CheckReport report = config::check(request, files);
  if (files.empty()) judge_all_options(request, {}, report.problems);
  for (const auto& file : files) {
    request.config_file = file;
    judge_all_options(request, {file.string()}, report.problems);
  }
  report.problems.sort();
  for (const auto& problem : report.problems.all()) log::say(problem.text() + "\n");
  if (report.problems.dropped() > 0) {
    log::say(fmt::format("and {} more\n", report.problems.dropped()));
  }
  for (const auto& warning : report.warnings) log::say("warning: " + warning + "\n");
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
      .positionals = {.max = kAnyNumber, .names = Names::kFiles},
      .run = run};
}

}  // namespace fcvm::cli
