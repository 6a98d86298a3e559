#include "core/cli/end_vm.hpp"

#include <csignal>

#include <fmt/core.h>

#include "core/base/process/process_id.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/store/gc.hpp"

namespace fcvm::cli {
namespace {

// What a supervisor has left to do when its container has ended: network, VMM, record.
constexpr std::chrono::seconds kCleanUp{30};
constexpr std::chrono::seconds kAnswer{10};

/// A supervisor that has gone is as good as one that obeyed.
Result<void> ignore_gone(const Result<vm::ask::Exit>& answer) {
  if (answer || answer.error().code() == ESRCH) return {};
  return unexpected(answer.error());
}

}  // namespace

Result<void> stop_vm(const vm::Store& store, const vm::Record& record,
                     std::chrono::milliseconds grace) {
  const auto deadline = base::Deadline::in(grace + kCleanUp);
  const auto stopped = [&]() -> Result<void> {
    if (record.phase != vm::Phase::kExited) {
      FCVM_TRY(ignore_gone(
          vm::ask_supervisor(store.paths(), record.id, vm::ask::Stop{.grace = grace}, deadline)));
    }
    return store.wait_for_supervisor(record, deadline);
  };
  return stopped() | context("stopping VM " + record.name) |
         remedy(fmt::format("fcvm rm -f {} ends it at once", record.name));
}

Result<void> kill_vm(vm::Store& store, const vm::Record& record) {
  const auto asked = base::Deadline::in(kAnswer);
  if (record.phase != vm::Phase::kExited) {
    // Asked first, since a supervisor that lives undoes more than one that was killed.
    (void)vm::ask_supervisor(store.paths(), record.id, vm::ask::End{}, asked);
  }
  auto ended = store.wait_for_supervisor(record, asked);
  if (!ended && ended.error().code() == ETIMEDOUT) {
    auto killed = base::signal_process(record.supervisor, SIGKILL);
    if (!killed && killed.error().code() != ESRCH) return killed;
    ended = store.wait_for_supervisor(record, base::Deadline::in(kAnswer));
  }
  return std::move(ended) | context("ending VM " + record.name);
}

Unexpected not_running(const vm::Record& record, const char* what) {
  return fail(EINVAL, fmt::format("VM {} cannot be {}: it is {}", record.name, what,
                                  vm::to_string(record.effective_phase())));
}

}  // namespace fcvm::cli
