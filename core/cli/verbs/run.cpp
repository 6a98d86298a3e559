// fcvm run: runs a container in a VM of its own. This process is the VM's supervisor.
#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/new_vm.hpp"
#include "core/cli/run_vm.hpp"
#include "core/cli/saved_start.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/plan/describe.hpp"

namespace fcvm::cli {
namespace {

/// A clone of the very snapshot that would be made needs none.
Result<std::optional<snapshot::CreateOptions>> saving(Invocation& invocation,
                                                      const vm::RunPlan& plan,
                                                      const std::string& tag) {
  using Save = std::optional<snapshot::CreateOptions>;
  if (tag.empty() || (plan.restore && plan.restore->tag == tag)) return Save();
  const vm::Store* store = FCVM_TRY(invocation.store());
  FCVM_TRY(snapshot::Store(store->paths().snapshots()).check_free(tag) |
           context("--save-snapshot"));
  return Save({.tag = tag});
}

Result<int> run(Invocation& invocation) {
  vm::RunPlan plan = FCVM_TRY(plan_new_vm(invocation));
  const config::Config* config = FCVM_TRY(invocation.config());
  const auto wishes = FCVM_TRY(snapshot_wishes(invocation, plan));
  if (config->boolean("run", "dry-run")) {
    fmt::print("{}", plan::describe(plan));
    return 0;
  }
  if (!wishes.from.empty()) {
    const auto signal = FCVM_TRY(begin_from(invocation, plan, wishes.from));
    if (signal) return kExitSignalBase + *signal;
  }
  auto save = FCVM_TRY(saving(invocation, plan, wishes.save_as));
  FCVM_TRY(replace_old_vm(invocation, plan.name));
  set_process_title(fmt::format("fcvm run {} {}", plan.name, plan.image));
  return run_vm(invocation, {.plan = std::move(plan), .save = std::move(save)});
}

}  // namespace

Verb run_verb() {
  return {
      .name = "run",
      .aliases = {"podman run"},
      .arguments = "[OPTION...] IMAGE [COMMAND [ARG...]]",
      .summary = "Run a container in a microVM of its own",
      .details =
          "IMAGE is fetched as podman would (docker.io/library/... when it names no registry), or\n"
          "named with a transport: docker://, oci:, oci-archive:, docker-archive:,\n"
          "containers-storage:. The image fcvm/hello needs no registry.\n"
          "\n"
          "The exit code is the container's own; 125 when fcvm or the VM failed, 126 when the\n"
          "command cannot be executed, 127 when it is not found, 128+n when signal n ended it.\n"
          "\n"
          "SIGINT and SIGTERM go to the container, which has --stop-timeout to end; a second one\n"
          "ends the VM at once. The VM never outlives this process; with --detach that is a\n"
          "process in the background.\n"
          "\n"
          "With -it, keys go to the container as they are, and ctrl-p,ctrl-q leaves it running in\n"
          "the background: `fcvm attach` comes back to it.\n"
          "\n"
          "--save-snapshot T saves the VM once it is ready, by its gates if it has any; a run in\n"
          "the background comes back then, and fails if it could not be saved, though the VM goes\n"
          "on. With --snapshot T the VM is a clone of that snapshot, if its image, command,\n"
          "environment, options and machine are the same; names, ports and limits of time are\n"
          "the clone's own. Otherwise it boots; either is said. Both with one T: the first run\n"
          "boots and saves, later ones are clones. Those cannot be started again by `fcvm start`.\n"
          "\n"
          "Examples:\n"
          "  fcvm run fcvm/hello\n"
          "  fcvm run --rm --memory 2G alpine sh -c 'uname -a'\n"
          "  fcvm run -it --rm alpine sh\n"
          "  fcvm run -i --rm alpine wc -l <file\n"
          "  fcvm run -d --name web -e MODE=test docker-archive:web.tar\n"
          "  fcvm run -d --snapshot web --save-snapshot web --health-check http://localhost/ "
          "nginx\n"
          "  fcvm run --profile big --dry-run alpine\n",
      .takes_run_options = true,
      .positionals = {.min = 1,
                      .max = kAnyNumber,
                      .first_ends_options = true,
                      .names = Names::kImages},
      .run = run};
}

}  // namespace fcvm::cli
