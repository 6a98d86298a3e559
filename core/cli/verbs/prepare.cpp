// fcvm prepare: a snapshot of a VM that is ready, for `fcvm run --snapshot`, without leaving a VM.
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/new_vm.hpp"
#include "core/cli/run_vm.hpp"
#include "core/cli/saved_start.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/plan/describe.hpp"
#include "core/plan/log_options.hpp"

namespace fcvm::cli {
namespace {

using snapshot::Snapshot;

Result<std::string> tag_of(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  auto tag = invocation.value("tag", config->text("run", "snapshot"));
  if (!tag.empty()) return tag;
  return fail(EINVAL, "the snapshot needs a name, for fcvm run to find it by", "--tag TAG");
}

/// Of a VM that nobody sees, and that is gone when it was saved.
Result<vm::RunPlan> plan_to_save(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  auto plan = FCVM_TRY(plan_new_vm(invocation));
  if (config->boolean("run", "no-snapshot")) {
    return fail(EINVAL, "--no-snapshot: to make one is all that fcvm prepare does",
                "--no-snapshot=false");
  }
  if (plan.hugepages) {
    return fail(ENOTSUP, "--hugepages: no snapshot can have memory of huge pages yet",
                "--hugepages=false");
  }
  plan.detached = true;
  plan.remove_when_done = true;
  plan.lifetime.reset();
  plan.cid_file.reset();
  plan.log = FCVM_TRY(plan::log_driver(*config, true, plan.container.tty));
  return plan;
}

int show(const Snapshot& snapshot, const vm::RunPlan& plan, const char* cache) {
  nlohmann::ordered_json line;
  line["status"] = "ready";
  line["cache"] = cache;
  line["snapshot"] = snapshot.manifest.id;
  line["tag"] = snapshot.manifest.tag;
  line["image"] = plan.image;
  line["image_digest"] = snapshot.manifest.image_digest;
  fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return 0;
}

Result<int> run(Invocation& invocation) {
  const auto tag = FCVM_TRY(tag_of(invocation));
  auto plan = FCVM_TRY(plan_to_save(invocation));
  const config::Config* config = FCVM_TRY(invocation.config());
  if (config->boolean("run", "dry-run")) {
    fmt::print("{}", plan::describe(plan));
    return 0;
  }
  const bool again = invocation.flag("force");
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto fetched = FCVM_TRY(fetch_recipe(invocation, plan));
  if (fetched.signal) return kExitSignalBase + *fetched.signal;
  const auto before = FCVM_TRY(find_saved(store, tag));
  if (before && !again) {
    if (const auto why = why_not(*before, fetched.recipe); !why.empty()) {
      return fail(EEXIST, why, "--force makes it anew; another --tag leaves it");
    }
    FCVM_TRY(snapshot::verify(*before));
    return show(*before, plan, "hit");
  }
  set_process_title(fmt::format("fcvm prepare {} {}", tag, plan.image));
  const snapshot::CreateOptions how{.tag = tag, .ends = true, .replaces = again};
  const auto print = [&, said = plan](const std::string& id) -> Result<int> {
    return show(FCVM_TRY(store.find(id)), said, "miss");
  };
  return run_vm_detached(invocation, {.plan = std::move(plan), .save = how}, print);
}

}  // namespace

Verb prepare_verb() {
  using config::Type;
  return {.name = "prepare",
          .aliases = {"podman prepare"},
          .arguments = "--tag T [OPTION...] IMAGE [COMMAND [ARG...]]",
          .summary = "Make a snapshot of a VM that is ready, and leave no VM",
          .details =
              "Takes what `fcvm run` takes: runs that, waits until it is ready (--wait-ready,\n"
              "--health-check, within --ready-timeout), saves it, and removes it. `fcvm run\n"
              "--snapshot T` with the same image, command and options then begins as a clone.\n"
              "\n"
              "A snapshot of that tag which was made from the same is verified, and stays. Prints\n"
              "one line of JSON: status, cache (hit or miss), snapshot, tag, image.\n"
              "\n"
              "Example:\n"
              "  fcvm prepare --tag web --health-check http://localhost/ nginx\n"
              "  fcvm run -d --snapshot web nginx\n",
          .options = {{.name = "tag", .help = "the snapshot's name; by default [run] snapshot"},
                      {.name = "force",
                       .type = Type::kBoolean,
                       .help = "make it anew; what has the tag goes when that is done"}},
          .takes_run_options = true,
          .positionals = {.min = 1,
                          .max = kAnyNumber,
                          .first_ends_options = true,
                          .names = Names::kImages},
          .run = run};
}

}  // namespace fcvm::cli
