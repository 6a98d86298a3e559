// fcvm restart: stops containers and starts them again.
#include <chrono>
#include <optional>

#include <fmt/core.h>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/start_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/cli/vm_filter.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

/// A container may take its time to start, as its VM's first start may.
constexpr std::chrono::minutes kStart{30};

Result<void> restart(Invocation& invocation, const vm::Record& record,
                     std::chrono::milliseconds grace) {
  if (!record.is_alive()) return start_vm(invocation, record, record.name);
  const vm::Store* store = FCVM_TRY(invocation.store());
  (void)FCVM_TRY(vm::ask_supervisor(store->paths(), record.id, vm::ask::Restart{.grace = grace},
                                    base::Deadline::in(grace + kStart)) |
                 context("restarting VM " + record.name));
  fmt::print("{}\n", record.name);
  return {};
}

Result<int> run(Invocation& invocation) {
  std::optional<std::chrono::milliseconds> given;
  if (invocation.given("time")) given = std::chrono::seconds(std::stoll(invocation.value("time")));
  const bool running_alone = invocation.flag("running");
  const auto of_all = [&](const vm::Record& record) { return !running_alone || record.is_up(); };
  const auto action = [&](const vm::Record& record) -> Result<void> {
    if (running_alone && !record.is_up()) return {};
    return restart(invocation, record,
                   given.value_or(std::chrono::milliseconds(record.stop_grace_ms)));
  };
  return each_vm(invocation, {.of_all = of_all, .action = action, .print_names = false});
}

}  // namespace

Verb restart_verb() {
  return {
      .name = "restart",
      .aliases = {"podman restart"},
      .arguments = "[-t SECONDS] [--running] NAME... | --all | --filter F",
      .summary = "Stop containers and start them again",
      .details =
          "A VM that runs is not rebooted: its container gets its stop signal, is killed after "
          "its\n"
          "grace, and starts again in the same guest, with the files that it wrote. Of a VM that "
          "has\n"
          "ended it does what `fcvm start` does. Prints the name of each once its container "
          "runs.\n"
          "\n"
          "Examples:\n"
          "  fcvm restart web\n"
          "  fcvm restart -t 0 --all\n",
      .options = {all_option("restart every VM; with --running, every VM that runs"),
                  {.name = "running",
                   .type = config::Type::kBoolean,
                   .help = "leave those alone that do not run"},
                  cidfile_option(),
                  filter_option("only VMs that pass: KEY=VALUE, as of `fcvm ls`"),
                  latest_option(),
                  {.name = "time",
                   .type = config::Type::kInteger,
                   .help = "seconds of grace; by default the VM's own, of `run --stop-timeout`",
                   .letter = 't',
                   .range = config::Range{.min = 0, .max = 1'000'000'000}}},
      .positionals = {.max = kAnyNumber, .names = Names::kVms},
      .run = run};
}

}  // namespace fcvm::cli
