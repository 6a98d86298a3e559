// fcvm start: starts VMs that have ended, or that were created, on the disks that they have.
#include "core/cli/each_vm.hpp"
#include "core/cli/start_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/cli/vm_filter.hpp"

namespace fcvm::cli {
namespace {

Result<int> attach_to_one(Invocation& invocation) {
  const auto& words = invocation.positionals();
  if (words.size() != 1) {
    return fail(EINVAL, "--attach starts one VM", "fcvm start --attach NAME");
  }
  const auto records = FCVM_TRY(invocation.records());
  return start_vm_attached(invocation, *FCVM_TRY(vm::find_record(records, words.front())));
}

Result<int> run(Invocation& invocation) {
  if (invocation.flag("attach") || invocation.flag("interactive")) {
    return attach_to_one(invocation);
  }
  const auto is_dead = [](const vm::Record& record) { return !record.is_alive(); };
  // As podman has it, one that runs is no mistake.
  const auto start = [&](const vm::Record& record) -> Result<void> {
    if (record.is_alive()) return {};
    return start_vm(invocation, record, record.name);
  };
  return each_vm(invocation, {.of_all = is_dead, .action = start, .print_names = false});
}

}  // namespace

Verb start_verb() {
  return {
      .name = "start",
      .aliases = {"podman start"},
      .arguments = "[--attach] NAME... | --all | --filter F",
      .summary = "Start VMs that have ended, or that `fcvm create` made",
      .details =
          "Boots a VM anew on the disks that it has, and starts its container again: files that "
          "the\n"
          "container wrote are there, as with podman. It has the options that it was run with, in "
          "the\n"
          "background, and its log goes on. Ports that were chosen for it are chosen anew.\n"
          "\n"
          "Prints the name of each VM whose container runs. One that runs already is left alone.\n"
          "A VM that was killed (`fcvm rm -f`, a supervisor's end) may have lost its last writes.\n"
          "\n"
          "Examples:\n"
          "  fcvm start web\n"
          "  fcvm start --attach job\n",
      // -a is --attach, as with podman.
      .options = {{.name = "all",
                   .type = config::Type::kBoolean,
                   .help = "start every VM that does not run"},
                  {.name = "attach",
                   .type = config::Type::kBoolean,
                   .help = "in the foreground, with its output, and the container's exit code",
                   .letter = 'a'},
                  {.name = "interactive",
                   .type = config::Type::kBoolean,
                   .help = "likewise, with standard input if the container was run with -i",
                   .letter = 'i'},
                  filter_option("only VMs that pass: KEY=VALUE, as of `fcvm ls`"),
                  latest_option()},
      .positionals = {.max = kAnyNumber, .names = Names::kVms},
      .run = run};
}

}  // namespace fcvm::cli
