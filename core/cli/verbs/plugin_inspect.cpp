// fcvm plugin inspect: all that is known of one plugin, and whether it can work here.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/cli/invocation.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/load.hpp"
#include "core/plugin/probe.hpp"
#include "core/plugin/settings.hpp"

namespace fcvm::cli {
namespace {

using plugin::Descriptor;
using plugin::Entry;
using plugin::ProbeResult;

Result<ProbeResult> probe(Invocation& invocation, const Entry& entry) {
  const config::Config* config = FCVM_TRY(invocation.config());
  return plugin::probe(entry, plugin::Settings::as_far_as_set(*config, entry.descriptor.id));
}

void print_json(const Entry& entry, const Result<ProbeResult>& probed) {
  using nlohmann::ordered_json;
  const Descriptor& descriptor = entry.descriptor;
  ordered_json options = ordered_json::array();
  for (const auto& option : descriptor.options.options) {
    options.push_back({{"name", option.name},
                       {"type", config::to_string(option.type)},
                       {"default", option.initial},
                       {"required", option.required},
                       {"choices", option.choices},
                       {"variables", option.environment},
                       {"help", option.help}});
  }
  ordered_json answer;
  if (probed) {
    answer = {{"status", probed->status_name()},
              {"detail", probed->detail},
              {"reason", probed->reason},
              {"remedy", probed->remedy},
              {"capabilities", plugin::capability_names(descriptor.kind, probed->capabilities)},
              {"preference", probed->preference}};
  } else {
    answer = {{"status", "failed"},
              {"reason", probed.error().message()},
              {"remedy", probed.error().remedy()}};
  }
  const ordered_json whole = {
      {"id", descriptor.id},
      {"kind", descriptor.kind},
      {"version", descriptor.version},
      {"summary", descriptor.summary},
      {"min_host_version", descriptor.min_host_version},
      {"capabilities", plugin::capability_names(descriptor.kind, descriptor.capabilities)},
      {"options", options},
      {"file", entry.path.string()},
      {"probe", answer}};
  fmt::print("{}\n", json_text(whole));
}

void print_options(const Descriptor& descriptor) {
  if (descriptor.options.options.empty()) return;
  fmt::print("\nOptions, set in [{}] or by --set {}.OPTION=VALUE:\n", descriptor.options.section,
             descriptor.id);
  for (const auto& option : descriptor.options.options) {
    fmt::print(
        "  {:<20}{:<10}{}{}{}{}\n", option.name, config::to_string(option.type), option.help,
        option.initial.empty() ? "" : fmt::format(" (default: {})", option.initial),
        option.choices.empty() ? "" : fmt::format(" (one of: {})", fmt::join(option.choices, ", ")),
        option.required ? " (required)" : "");
  }
}

void print_text(const Entry& entry, const Result<ProbeResult>& probed) {
  const Descriptor& descriptor = entry.descriptor;
  const auto capabilities = plugin::capability_names(descriptor.kind, descriptor.capabilities);
  fmt::print("{} {}: {}\n\n", descriptor.id, descriptor.version, descriptor.summary);
  fmt::print("Kind:          {}\nFile:          {}\nCapabilities:  {}\n", descriptor.kind,
             entry.where(),
             capabilities.empty() ? "none" : fmt::format("{}", fmt::join(capabilities, ", ")));
  if (!descriptor.min_host_version.empty()) {
    fmt::print("Needs fcvm:    {}\n", descriptor.min_host_version);
  }
  if (probed) {
    fmt::print("Here:          {}{}{}{}{}\n", probed->status_name(),
               probed->detail.empty() ? "" : ", ", probed->detail,
               probed->reason.empty() ? "" : ": ", probed->reason);
    const auto missing =
        plugin::capability_names(descriptor.kind, descriptor.capabilities & ~probed->capabilities);
    if (probed->works() && !missing.empty()) {
      fmt::print("  without:     {}\n", fmt::join(missing, ", "));
    }
    if (!probed->remedy.empty()) fmt::print("  to fix:      {}\n", probed->remedy);
  } else {
    fmt::print("Here:          {}\n", probed.error().message());
    if (!probed.error().remedy().empty())
      fmt::print("  to fix:      {}\n", probed.error().remedy());
  }
  print_options(descriptor);
}

Result<int> run(Invocation& invocation) {
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const Entry* entry = FCVM_TRY(registry->find(invocation.positionals().front()));
  const auto probed = probe(invocation, *entry);
  if (invocation.flag("json")) {
    print_json(*entry, probed);
  } else {
    print_text(*entry, probed);
  }
  return probed ? 0 : kExitFailure;
}

}  // namespace

Verb plugin_inspect_verb() {
  return {
      .name = "plugin inspect",
      .arguments = "[--json] ID",
      .summary = "Show a plugin's options and capabilities, and whether it works here",
      .details = "ID is \"net.rootless\", or \"rootless\" where only one plugin is called so.\n",
      .options = {{.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
      .positionals = {.min = 1, .max = 1, .names = Names::kPlugins},
      .run = run};
}

}  // namespace fcvm::cli
