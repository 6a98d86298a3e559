// fcvm rm: removes VMs, with their disks and logs.
#include <functional>

#include "core/cli/each_vm.hpp"
#include "core/cli/remove_vm.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

// podman's codes of `rm`.
constexpr int kMissing = 1;
constexpr int kRunning = 2;

int exit_code(const Error& error) {
  if (error.code() == ENOENT) return kMissing;
  return error.code() == EBUSY ? kRunning : kExitFailure;
}

Result<int> run(Invocation& invocation) {
  vm::Store* store = FCVM_TRY(invocation.store());
  const bool force = invocation.flag("force");
  RemoveVm remove(invocation, *store, {.force = force, .abandon = invocation.flag("abandon")});
  const auto of_all = [force](const vm::Record& record) { return force || !is_alive(record); };
  return each_vm(invocation, {.of_all = of_all,
                              .action = std::ref(remove),
                              .side_by_side = true,
                              .passes_over_missing = force,
                              .exit_code = exit_code});
}

}  // namespace

Verb rm_verb() {
  return {
      .name = "rm",
      .aliases = {"podman rm"},
      .arguments = "[-f] [-i] [--abandon] NAME... | --all | --filter F",
      .summary = "Remove VMs: their records, disks and logs",
      .details =
          "A VM that runs is left alone and is an error, unless --force ends it first. Prints "
          "what\n"
          "was given for each VM that is removed.\n"
          "\n"
          "Exit codes, as podman's: 0 all were removed, 1 one was not there, 2 one runs, 125 "
          "another\n"
          "failure. With --ignore, and as in podman with --force, one that is not there is no "
          "error.\n"
          "\n"
          "Examples:\n"
          "  fcvm rm web\n"
          "  fcvm rm -f web               # also while it runs\n"
          "  fcvm rm --all                # every VM that has exited\n",
      .options = {all_option("remove every VM that has exited; with --force, every VM"),
                  {.name = "force",
                   .type = config::Type::kBoolean,
                   .help = "end VMs that run",
                   .letter = 'f'},
                  ignore_option(),
                  cidfile_option(),
                  {.name = "filter",
                   .type = config::Type::kList,
                   .help = "only VMs that pass: KEY=VALUE, as of `fcvm ls`"},
                  latest_option(),
                  {.name = "abandon",
                   .type = config::Type::kBoolean,
                   .help = "remove VMs also when a plugin has left things on the host and cannot "
                           "undo them: they are printed, and stay"}},
      .bears_mistakes = true,
      .positionals = {.max = kAnyNumber, .names = Names::kVms},
      .run = run};
}

}  // namespace fcvm::cli
