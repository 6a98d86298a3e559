// fcvm run: runs a container in a VM of its own. This process is the VM's supervisor.
#include <algorithm>

#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/remove_vm.hpp"
#include "core/cli/session/detach_keys.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/session/supervise_plan.hpp"
#include "core/cli/session/terminal.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/plan/describe.hpp"
#include "core/plan/run_plan.hpp"

namespace fcvm::cli {
namespace {

/// An option with a value that may be missing takes none from the next word: `--host-loopback 8080
/// IMAGE` would open everything, and run an image called 8080.
Result<void> check_image_word(const Invocation& invocation) {
  const std::string& image = invocation.positionals().front();
  if (image.find_first_not_of("0123456789,-") != std::string::npos) return {};
  for (const char* name : {"host-loopback", "host-addresses"}) {
    if (!invocation.given(name)) continue;
    return fail(EINVAL, fmt::format("{} is where the image stands, and looks like a port", image),
                fmt::format("write --{}={}", name, image));
  }
  return {};
}

Result<vm::RunPlan> make_plan(Invocation& invocation) {
  FCVM_TRY(check_image_word(invocation));
  const config::Config* config = FCVM_TRY(invocation.config());
  // Also where they do nothing now: `fcvm attach` takes them later.
  FCVM_TRY(DetachKeys::parse(config->text("run", "detach-keys")));
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto& words = invocation.positionals();
  return plan::make_run_plan({.config = *config,
                              .registry = *registry,
                              .paths = store->paths(),
                              .image = words.front(),
                              .command = {words.begin() + 1, words.end()},
                              .terminal = Terminal::size()});
}

/// Only once everything about the new one is right, as far as can be told.
Result<void> remove_replaced(Invocation& invocation, const std::string& name) {
  vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(store->all());
  const auto old = std::find_if(records.begin(), records.end(),
                                [&](const vm::Record& record) { return record.name == name; });
  if (old == records.end()) return {};
  return RemoveVm(invocation, *store, {.force = true})(*old) | context("--replace");
}

Result<int> run(Invocation& invocation) {
  // Whatever killed supervisors left is not to stand in the way of a name.
  FCVM_TRY(invocation.records());
  vm::RunPlan plan = FCVM_TRY(make_plan(invocation));
  const config::Config* config = FCVM_TRY(invocation.config());
  if (config->boolean("run", "dry-run")) {
    fmt::print("{}", plan::describe(plan));
    return 0;
  }
  if (config->boolean("run", "replace")) {
    if (plan.name.empty())
      return fail(EINVAL, "--replace needs the name of what it replaces", "--name NAME");
    FCVM_TRY(remove_replaced(invocation, plan.name));
  }
  set_process_title(fmt::format("fcvm run {} {}", plan.name, plan.image));
  return supervise_plan(invocation, std::move(plan));
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
          "Examples:\n"
          "  fcvm run fcvm/hello\n"
          "  fcvm run --rm --memory 2G alpine sh -c 'uname -a'\n"
          "  fcvm run -it --rm alpine sh\n"
          "  fcvm run -i --rm alpine wc -l <file\n"
          "  fcvm run -d --name web -e MODE=test docker-archive:web.tar\n"
          "  fcvm run --profile big --dry-run alpine\n",
      .takes_run_options = true,
      .positionals = {.min = 1,
                      .max = kAnyNumber,
                      .first_ends_options = true,
                      .names = Names::kImages},
      .run = run};
}

}  // namespace fcvm::cli
