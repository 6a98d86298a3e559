// fcvm pause and fcvm unpause: stops and continues the virtual CPUs of VMs.
#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/cli/vm_filter.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

template <typename Request>
Result<int> ask_each(Invocation& invocation, const Request& request, vm::Phase from,
                     const char* done) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto ask = [&](const vm::Record& record) -> Result<void> {
    if (record.effective_phase() != from) return not_running(record, done);
    (void)FCVM_TRY(vm::ask_supervisor(store->paths(), record.id, request,
                                      base::Deadline::in(std::chrono::seconds(30))) |
                   context(std::string(Request::kVerb) + " of VM " + record.name));
    return {};
  };
  const auto of_all = [from](const vm::Record& record) { return record.effective_phase() == from; };
  return each_vm(invocation, {.of_all = of_all, .action = ask});
}

Result<int> run_pause(Invocation& invocation) {
  return ask_each(invocation, vm::ask::Pause{}, vm::Phase::kRunning, "paused");
}

Result<int> run_unpause(Invocation& invocation) {
  return ask_each(invocation, vm::ask::Unpause{}, vm::Phase::kPaused, "unpaused");
}

}  // namespace

Verb pause_verb() {
  return {
      .name = "pause",
      .aliases = {"podman pause"},
      .arguments = "NAME... | --all | --filter F",
      .summary = "Pause VMs: their virtual CPUs stop where they are",
      .details =
          "A paused VM keeps its memory, its disks and its connections, and uses no CPU. Time in\n"
          "the guest stands still until `fcvm unpause`. Prints what was given for each VM that is\n"
          "paused; a VM that does not run is an error. With Firecracker 1.16, a pause cuts off "
          "the\n"
          "commands of `fcvm exec` that are under way.\n"
          "\n"
          "Example:\n"
          "  fcvm pause web && fcvm unpause web\n",
      .options = {all_option("pause every VM that runs"), cidfile_option(),
                  filter_option("only VMs that pass: KEY=VALUE, as of `fcvm ls`"), latest_option()},
      .bears_mistakes = true,
      .positionals = {.max = kAnyNumber, .names = Names::kLiveVms},
      .run = run_pause};
}

Verb unpause_verb() {
  return {
      .name = "unpause",
      .aliases = {"podman unpause"},
      .arguments = "NAME... | --all | --filter F",
      .summary = "Let paused VMs go on",
      .details =
          "Prints what was given for each VM that goes on; one that is not paused is an "
          "error.\n"
          "\n"
          "Example:\n"
          "  fcvm unpause --all\n",
      .options = {all_option("let every paused VM go on"), cidfile_option(),
                  filter_option("only VMs that pass: KEY=VALUE, as of `fcvm ls`"), latest_option()},
      .bears_mistakes = true,
      .positionals = {.max = kAnyNumber, .names = Names::kPausedVms},
      .run = run_unpause};
}

}  // namespace fcvm::cli
