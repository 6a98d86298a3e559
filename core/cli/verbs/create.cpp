// fcvm create: what `fcvm start` is to start, with its image fetched.
#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/cli/image_catalog.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/new_vm.hpp"
#include "core/cli/saved_start.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/plan/describe.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/new_record.hpp"

namespace fcvm::cli {
namespace {

/// The image is the VM's from now on, and stays.
Result<vm::Record> record_new_vm(Invocation& invocation, const vm::RunPlan& plan,
                                 const image::Image& image) {
  vm::Store* store = FCVM_TRY(invocation.store());
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  vm::Record record = FCVM_TRY(store->create(FCVM_TRY(vm::new_record(plan, *registry))));
  const auto kept = [&]() -> Result<void> {
    FCVM_TRY(store->save_plan(record.id, plan));
    record.supervisor = {};
    record.image_digest = image.digest;
    record.image_id = image.id;
    record.awaits_start = true;
    return store->save(record);
  }();
  if (kept) return record;
  static_cast<void>(store->remove(record.id));  // the first failure tells more
  return unexpected(kept.error());
}

/// `fcvm start` boots what is there, in a process that knows of no wish.
Result<void> refuse_snapshots(Invocation& invocation, const vm::RunPlan& plan) {
  const auto wishes = FCVM_TRY(snapshot_wishes(invocation, plan));
  if (!wishes.from.empty()) {
    return fail(ENOTSUP, "--snapshot: a VM that fcvm create makes boots when it is started",
                "fcvm run --snapshot, or --no-snapshot here");
  }
  if (wishes.save_as.empty()) return {};
  return fail(ENOTSUP, "--save-snapshot: a VM that fcvm create makes does not run yet",
              "fcvm snapshot create once it does, or --no-snapshot here");
}

Result<int> run(Invocation& invocation) {
  const vm::RunPlan plan = FCVM_TRY(plan_new_vm(invocation));
  FCVM_TRY(refuse_snapshots(invocation, plan));
  const config::Config* config = FCVM_TRY(invocation.config());
  if (config->boolean("run", "dry-run")) {
    fmt::print("{}", plan::describe(plan));
    return 0;
  }
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation, config->boolean("run", "quiet")));
  const auto interrupt = FCVM_TRY(Interrupt::open([&] { catalog->cancel(); }));
  const auto pulled = catalog->pull(plan.image, plan.pull);
  if (const auto signal = interrupt->signal()) return kExitSignalBase + *signal;
  if (!pulled) return unexpected(pulled.error());
  FCVM_TRY(replace_old_vm(invocation, plan.name));
  const auto record = FCVM_TRY(record_new_vm(invocation, plan, *pulled));
  if (plan.cid_file) FCVM_TRY(base::write_file_atomic(plan.cid_file->string(), record.id));
  const vm::Store* store = FCVM_TRY(invocation.store());
  FCVM_TRY(vm::log_event(store->paths().events(), {.time_ns = vm::now_ns(),
                                                   .type = "create",
                                                   .id = record.id,
                                                   .name = record.name,
                                                   .image = record.image}));
  fmt::print("{}\n", record.id);
  return 0;
}

}  // namespace

Verb create_verb() {
  return {.name = "create",
          .aliases = {"podman create"},
          .arguments = "[OPTION...] IMAGE [COMMAND [ARG...]]",
          .summary = "Make a VM for `fcvm start`, and fetch its image",
          .details =
              "Takes what `fcvm run` takes, and prints the id of the VM, which does not run yet.\n"
              "`fcvm start` starts it in the background; `fcvm rm` removes it.\n"
              "\n"
              "Example:\n"
              "  fcvm create --name web -p 8080:80 docker.io/library/nginx && fcvm start web\n",
          .takes_run_options = true,
          .positionals = {.min = 1,
                          .max = kAnyNumber,
                          .first_ends_options = true,
                          .names = Names::kImages},
          .run = run};
}

}  // namespace fcvm::cli
