// fcvm stop: asks containers to end, and ends them when they do not.
#include <chrono>
#include <optional>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/cli/vm_filter.hpp"

namespace fcvm::cli {
namespace {

Result<int> run(Invocation& invocation) {
  std::optional<std::chrono::milliseconds> given;
  if (invocation.given("time")) given = std::chrono::seconds(std::stoll(invocation.value("time")));
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto stop = [&](const vm::Record& record) {
    return stop_vm(*store, record, given.value_or(std::chrono::milliseconds(record.stop_grace_ms)));
  };
  return each_vm(invocation, {.of_all = is_alive, .action = stop, .side_by_side = true});
}

}  // namespace

Verb stop_verb() {
  return {
      .name = "stop",
      .aliases = {"podman stop"},
      .arguments = "[-t SECONDS] [-i] NAME... | --all | --filter F",
      .summary = "Stop containers and their VMs",
      .details =
          "Sends each container its stop signal, SIGTERM, and kills it when it has not ended "
          "after\n"
          "its grace. Returns when the VMs are gone; several are stopped side by side. Prints "
          "what\n"
          "was given for each that is stopped. A VM that has exited already is not an error.\n"
          "\n"
          "NAME is a VM's name, its id, or the beginning of its id. A stopped VM keeps its record\n"
          "and its log until `fcvm rm`, unless it was started with --rm.\n"
          "\n"
          "Examples:\n"
          "  fcvm stop web\n"
          "  fcvm stop -t 0 web db        # no grace\n"
          "  fcvm stop --all\n",
      .options = {all_option("stop every VM that runs"),
                  ignore_option(),
                  cidfile_option(),
                  filter_option("only VMs that pass: KEY=VALUE, as of `fcvm ls`"),
                  latest_option(),
                  {.name = "time",
                   .type = config::Type::kInteger,
                   .help = "seconds of grace; by default the VM's own, of `run --stop-timeout`",
                   .letter = 't',
                   .range = config::Range{.min = 0, .max = 1'000'000'000}}},
      .bears_mistakes = true,
      .positionals = {.max = kAnyNumber, .names = Names::kLiveVms},
      .run = run};
}

}  // namespace fcvm::cli
