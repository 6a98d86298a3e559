// fcvm plugin ls: the plugins there are, and the ones that cannot be used.
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/invocation.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"

namespace fcvm::cli {
namespace {

void print_json(const plugin::Registry& registry) {
  using nlohmann::ordered_json;
  ordered_json plugins = ordered_json::array();
  for (const auto& entry : registry.entries()) {
    plugins.push_back({{"id", entry.descriptor.id},
                       {"kind", entry.descriptor.kind},
                       {"version", entry.descriptor.version},
                       {"summary", entry.descriptor.summary},
                       {"file", entry.path.string()}});
  }
  ordered_json rejected = ordered_json::array();
  for (const auto& file : registry.rejected()) {
    rejected.push_back({{"file", file.path.string()},
                        {"reason", file.error.message()},
                        {"remedy", file.error.remedy()}});
  }
  const ordered_json whole = {{"plugins", plugins}, {"rejected", rejected}};
  fmt::print("{}\n", json_text(whole));
}

Result<int> run(Invocation& invocation) {
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  if (invocation.flag("json")) {
    print_json(*registry);
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const auto& entry : registry->entries()) {
      rows.push_back({entry.descriptor.id, entry.descriptor.kind, entry.descriptor.version,
                      entry.descriptor.summary});
    }
    fmt::print("{}", text_table({"ID", "KIND", "VERSION", "SUMMARY"}, rows));
    std::fflush(stdout);
    for (const auto& file : registry->rejected()) log::report(file.error);
  }
  return registry->rejected().empty() ? 0 : kExitFailure;
}

}  // namespace

Verb plugin_ls_verb() {
  return {
      .name = "plugin ls",
      .aliases = {"plugin list", "plugins ls"},
      .arguments = "[--json]",
      .summary = "List the plugins that fcvm finds",
      .details =
          "Looked for in [paths] plugin-dirs, in the directories of FCVM_PLUGIN_PATH and in the\n"
          "installation's lib/fcvm/plugins. A file that cannot be used is reported, hides no "
          "other,\n"
          "and makes the exit code 125.\n",
      .options = {{.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
      .run = run};
}

}  // namespace fcvm::cli
