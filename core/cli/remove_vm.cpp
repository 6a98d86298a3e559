#include "core/cli/remove_vm.hpp"

#include <chrono>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/recover_plugin.hpp"
#include "core/log/log.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

/// What a supervisor may take to leave, or another command to let go of its VM.
constexpr std::chrono::seconds kPatience{30};

}  // namespace

RemoveVm::RemoveVm(Invocation& invocation, vm::Store& store, Rules rules)
    : store_(store), rules_(rules) {
  recover_ = [this, really = recover_plugin(invocation)](const vm::Record& record,
                                                         const std::string& plugin) {
    const std::lock_guard lock(one_at_a_time_);
    return really(record, plugin);
  };
}

Result<void> RemoveVm::operator()(const vm::Record& record) {
  // Its container has ended, and its VM is about to.
  const bool is_leaving = record.effective_phase() == vm::Phase::kStopping;
  if (is_alive(record) && !is_leaving && !rules_.force) {
    return fail(EBUSY,
                fmt::format("VM {} cannot be removed: it is {}", record.name,
                            vm::to_string(record.effective_phase())),
                fmt::format("fcvm stop {0}, or fcvm rm -f {0}", record.name));
  }
  if (is_alive(record) && !is_leaving) FCVM_TRY(kill_vm(store_, record));
  // It may still be about to leave.
  FCVM_TRY(store_.wait_for_supervisor(record, base::Deadline::in(kPatience)));
  FCVM_TRY(vm::collect_garbage_of(store_, recover_, record));
  return remove_dead(record) | context("removing VM " + record.name);
}

/// Under the VM's lock: two who remove one VM take turns, and the second finds it gone.
Result<void> RemoveVm::remove_dead(const vm::Record& record) const {
  const auto lock = store_.lock(record.id, base::Deadline::in(kPatience));
  if (!lock && lock.error().code() == ENOENT) return {};  // with --rm it removed itself
  if (!lock) return unexpected(lock.error());
  const auto now = store_.load(record.id);
  if (!now && now.error().code() == ENOENT) return {};
  if (now && now->is_alive()) {
    return fail(EBUSY, "it was started meanwhile", fmt::format("fcvm rm -f {}", record.name));
  }
  if (now && !now->plugin_state.empty()) {
    if (!rules_.abandon) {
      return fail(ENOTEMPTY,
                  fmt::format("it has left things on the host that are not undone: {}",
                              fmt::join(vm::left_by_plugins(*now), "; ")),
                  "fcvm gc undoes them, or says what is in the way; --abandon forgets them");
    }
    log::warning("rm", "VM {}: abandoned on the host: {}", record.name,
                 fmt::join(vm::left_by_plugins(*now), "; "));
  }
  FCVM_TRY(store_.remove(record.id));
  return vm::log_event(store_.paths().events(), {.time_ns = vm::now_ns(),
                                                 .type = "remove",
                                                 .id = record.id,
                                                 .name = record.name,
                                                 .image = record.image});
}

}  // namespace fcvm::cli
