// fcvm rm: removes VMs, with their disks and logs.
#include <mutex>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/recover_plugin.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/gc.hpp"

namespace fcvm::cli {
namespace {

// podman's codes of `rm`.
constexpr int kMissing = 1;
constexpr int kRunning = 2;

int exit_code(const Error& error) {
  if (error.code() == ENOENT) return kMissing;
  return error.code() == EBUSY ? kRunning : kExitFailure;
}

/// Under the VM's lock: two who remove one VM take turns, and the second finds it gone.
Result<void> remove_dead(const vm::Store& store, const vm::Record& record, bool abandon) {
  const auto lock = store.lock(record.id, base::Deadline::in(std::chrono::seconds(30)));
  if (!lock && lock.error().code() == ENOENT) return {};  // with --rm it removed itself
  if (!lock) return unexpected(lock.error());
  const auto now = store.load(record.id);
  if (!now && now.error().code() == ENOENT) return {};
  if (now && !now->plugin_state.empty()) {
    if (!abandon) {
      return fail(ENOTEMPTY,
                  fmt::format("it has left things on the host that are not undone: {}",
                              fmt::join(vm::left_by_plugins(*now), "; ")),
                  "fcvm gc undoes them, or says what is in the way; --abandon forgets them");
    }
    log::warning("rm", "VM {}: abandoned on the host: {}", record.name,
                 fmt::join(vm::left_by_plugins(*now), "; "));
  }
  FCVM_TRY(store.remove(record.id));
  return vm::log_event(store.paths().events(), {.time_ns = vm::now_ns(),
                                                .type = "remove",
                                                .id = record.id,
                                                .name = record.name,
                                                .image = record.image});
}

Result<int> run(Invocation& invocation) {
  vm::Store* store = FCVM_TRY(invocation.store());
  const bool force = invocation.flag("force");
  const bool abandon = invocation.flag("abandon");
  // Plugins are loaded once, and know nothing of our threads.
  std::mutex one_at_a_time;
  const auto recover = [&, really = recover_plugin(invocation)](const vm::Record& record,
                                                                const std::string& plugin) {
    const std::lock_guard lock(one_at_a_time);
    return really(record, plugin);
  };
  const auto remove = [&](const vm::Record& record) -> Result<void> {
    // Its container has ended, and its VM is about to.
    const bool is_leaving = record.effective_phase() == vm::Phase::kStopping;
    if (is_alive(record) && !is_leaving && !force) {
      return fail(EBUSY,
                  fmt::format("VM {} cannot be removed: it is {}", record.name,
                              vm::to_string(record.effective_phase())),
                  fmt::format("fcvm stop {0}, or fcvm rm -f {0}", record.name));
    }
    if (is_alive(record) && !is_leaving) FCVM_TRY(kill_vm(*store, record));
    // It may still be about to leave.
    FCVM_TRY(store->wait_for_supervisor(record, base::Deadline::in(std::chrono::seconds(30))));
    FCVM_TRY(vm::collect_garbage_of(*store, recover, record));
    return remove_dead(*store, record, abandon) | context("removing VM " + record.name);
  };
  const auto of_all = [force](const vm::Record& record) { return force || !is_alive(record); };
  return each_vm(invocation, {.of_all = of_all,
                              .action = remove,
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
