// fcvm kill: sends a signal to the main process of containers.
#include <chrono>
#include <csignal>
#include <thread>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/session/signals.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/cli/vm_filter.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

/// What a container may take to be gone once it was killed; a guest that takes longer is ended.
constexpr std::chrono::seconds kEndPatience{5};
constexpr std::chrono::milliseconds kLook{10};

/// So that a command after this one, such as rm, does not find it running.
void await_end(const vm::Store& store, const std::string& id) {
  const auto deadline = base::Deadline::in(kEndPatience);
  while (!deadline.expired()) {
    const auto record = store.load(id);
    if (!record || !record->is_up()) return;
    std::this_thread::sleep_for(kLook);
  }
}

Result<int> run(Invocation& invocation) {
  const int signal = FCVM_TRY(parse_signal(invocation.value("signal", "KILL")));
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto kill = [&](const vm::Record& record) -> Result<void> {
    if (!is_alive(record)) return not_running(record, "killed");
    (void)FCVM_TRY(vm::ask_supervisor(store->paths(), record.id, vm::ask::Kill{signal},
                                      base::Deadline::in(std::chrono::seconds(30))) |
                   context("killing VM " + record.name));
    if (signal == SIGKILL) await_end(*store, record.id);
    return {};
  };
  return each_vm(invocation, {.of_all = is_alive, .action = kill, .side_by_side = true});
}

}  // namespace

Verb kill_verb() {
  return {
      .name = "kill",
      .aliases = {"podman kill"},
      .arguments = "[-s SIGNAL] NAME... | --all | --filter F",
      .summary = "Send a signal to containers",
      .details =
          "The signal goes to the container's main process. SIGNAL is a name with or without SIG,\n"
          "in capitals or not, or a number; the default is KILL. Prints what was given for each "
          "VM\n"
          "that took the signal. Only after KILL it waits until the container has ended; else see\n"
          "`fcvm wait`.\n"
          "\n"
          "Examples:\n"
          "  fcvm kill web\n"
          "  fcvm kill -s HUP web         # many servers read their configuration again\n",
      .options = {all_option("signal every VM that runs"),
                  cidfile_option(),
                  filter_option("only VMs that pass: KEY=VALUE, as of `fcvm ls`"),
                  latest_option(),
                  {.name = "signal", .help = "what to send (default: KILL)", .letter = 's'}},
      .bears_mistakes = true,
      .positionals = {.max = kAnyNumber, .names = Names::kLiveVms},
      .run = run};
}

}  // namespace fcvm::cli
