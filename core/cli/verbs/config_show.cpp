// fcvm config show: every effective value and where it came from.
#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/show.hpp"

namespace fcvm::cli {
namespace {

Result<int> run(Invocation& invocation) {
  (void)FCVM_TRY(invocation.registry());  // for the options of the plugins
  const config::Config* config = FCVM_TRY(invocation.config());
  fmt::print("{}", config::render_show(*config, {.origin = invocation.flag("origin"),
                                                 .json = invocation.flag("json")}));
  return 0;
}

}  // namespace

Verb config_show_verb() {
  return {.name = "config show",
          .arguments = "[--origin] [--profile P] [--json]",
          .summary = "Show every effective option",
          .details =
              "Layers, lowest first: built-in, share/fcvm/fcvm.toml, /etc/fcvm/fcvm.toml,\n"
              "/etc/fcvm/conf.d/*.toml, $XDG_CONFIG_HOME/fcvm/fcvm.toml, conf.d/*.toml there, "
              "--config,\n"
              "the profile, FCVM_<SECTION>_<NAME> in the environment, the command line.\n",
          .options = {{.name = "origin",
                       .type = config::Type::kBoolean,
                       .help = "show where each value came from"},
                      {.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
          .bears_mistakes = true,
          .run = run};
}

}  // namespace fcvm::cli
