// See start_vm.hpp.
#include "core/cli/start_vm.hpp"

#include <filesystem>
#include <unistd.h>

#include <fmt/core.h>

#include <fcvm/image.h>

#include "core/cli/run_vm.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/session/terminal.hpp"
#include "core/cli/verb.hpp"

namespace fcvm::cli {
namespace {

Result<void> check_guest(const vm::RunPlan& plan) {
  for (const auto& part : {plan.assets.kernel, plan.assets.initrd, plan.assets.base_image}) {
    std::error_code error;
    if (std::filesystem::exists(part, error)) continue;
    return fail(ENOENT, fmt::format("the guest that it was made with is gone: {}", part.string()),
                "fcvm rm it, and fcvm run it again");
  }
  return {};
}

Result<vm::RunPlan> plan_again(Invocation& invocation, const vm::Record& record) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  FCVM_TRY(invocation.registry());
  if (!record.snapshot.empty()) {
    return fail(ENOTSUP, "it is a clone, which goes on where its snapshot was taken",
                fmt::format("fcvm snapshot run {}", record.snapshot));
  }
  vm::RunPlan plan = FCVM_TRY(store->load_plan(record.id));
  FCVM_TRY(check_guest(plan));
  plan.name = record.name;
  // One whose container never ran has none on its disk.
  if (record.started_ns != 0) {
    plan.kept_image = record.image_id;
  } else if (!record.image_id.empty()) {
    // What its name means may have changed since `fcvm create`.
    plan.image_reference = "sha256:" + record.image_id;
    plan.pull = FCVM_PULL_NEVER;
    plan.platform.clear();
  }
  return plan;
}

}  // namespace

Result<void> start_vm(Invocation& invocation, const vm::Record& record, const std::string& typed) {
  const pid_t before = ::getpid();
  const auto started = [&]() -> Result<int> {
    if (record.is_alive()) {
      return fail(EBUSY, fmt::format("it is {}", vm::to_string(record.effective_phase())));
    }
    vm::RunPlan plan = FCVM_TRY(plan_again(invocation, record));
    plan.detached = true;
    set_process_title(fmt::format("fcvm start {}", record.name));
    return run_vm(invocation, {std::move(plan), record.id, typed});
  }();
  // The supervisor has ended.
  if (::getpid() != before) ::_exit(started ? *started : kExitFailure);
  if (!started) return unexpected(Error(started.error()).context("starting VM " + record.name));
  if (*started == 0) return {};
  return fail(ECHILD,
              fmt::format("VM {} ended with {} before its container ran", record.name, *started));
}

Result<int> start_vm_attached(Invocation& invocation, const vm::Record& record) {
  vm::RunPlan plan =
      FCVM_TRY(plan_again(invocation, record) | context("starting VM " + record.name));
  plan.detached = false;
  if (const auto size = Terminal::size(); size && plan.container.tty) {
    plan.container.rows = size->rows;
    plan.container.columns = size->columns;
  }
  set_process_title(fmt::format("fcvm start {}", record.name));
  return run_vm(invocation, {std::move(plan), record.id});
}

}  // namespace fcvm::cli
