// fcvm config sample: the commented fcvm.toml, plugins' options included.
#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/show.hpp"
#include "core/config/tables.hpp"

namespace fcvm::cli {
namespace {

Result<int> run(Invocation& invocation) {
  std::vector<config::OptionTable> tables = config::core_tables();
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  for (const auto& entry : registry->entries()) {
    if (!entry.descriptor.options.options.empty()) tables.push_back(entry.descriptor.options);
  }
  fmt::print("{}", config::sample(tables));
  return 0;
}

}  // namespace

Verb config_sample_verb() {
  return {.name = "config sample",
          .summary = "Print a commented fcvm.toml with every option and its default",
          .details = "Example:\n  fcvm config sample > ~/.config/fcvm/fcvm.toml\n",
          .run = run};
}

}  // namespace fcvm::cli
