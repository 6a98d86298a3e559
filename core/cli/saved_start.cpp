// See saved_start.hpp.
#include "core/cli/saved_start.hpp"

#include <fmt/core.h>

#include <fcvm/image.h>

#include "core/cli/image_catalog.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/log/log.hpp"
#include "core/snapshot/clone_plan.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::cli {

Result<SnapshotWishes> snapshot_wishes(Invocation& invocation, const vm::RunPlan& plan) {
  const config::Config* config = FCVM_TRY(invocation.config());
  if (config->boolean("run", "no-snapshot")) return SnapshotWishes();
  SnapshotWishes wishes{config->text("run", "snapshot"), config->text("run", "save-snapshot")};
  if (!wishes.save_as.empty()) {
    FCVM_TRY(vm::check_name(wishes.save_as) | context("--save-snapshot"));
    if (plan.hugepages) {
      return fail(ENOTSUP,
                  "--save-snapshot and --hugepages: no snapshot can have memory of huge pages yet",
                  "leave one of them out, or --no-snapshot");
    }
  }
  if (!wishes.from.empty() && plan.network.publish_exposed) {
    return fail(ENOTSUP,
                "--snapshot and --publish-all: a clone does not ask what its image exposes",
                "name the ports by --publish, or boot by --no-snapshot");
  }
  return wishes;
}

Result<FetchedRecipe> fetch_recipe(Invocation& invocation, vm::RunPlan& plan) {
  const config::Config* config = FCVM_TRY(invocation.config());
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation, config->boolean("run", "quiet")));
  const auto interrupt = FCVM_TRY(Interrupt::open([&] { catalog->cancel(); }));
  const auto image =
      catalog->pull(plan.image, plan.pull) | context(fmt::format("image {}", plan.image));
  if (const auto signal = interrupt->signal()) return FetchedRecipe{{}, signal};
  if (!image) return unexpected(image.error());
  if (plan.pull != FCVM_PULL_NEVER) plan.pull = FCVM_PULL_MISSING;
  return FetchedRecipe{FCVM_TRY(snapshot::recipe_of(plan, image->digest)), {}};
}

Result<std::optional<snapshot::Snapshot>> find_saved(const snapshot::Store& store,
                                                     const std::string& name) {
  using Found = std::optional<snapshot::Snapshot>;
  auto found = store.find(name);
  if (!found) {
    if (found.error().code() == ENOENT || found.error().code() == EINVAL) return Found();
    return unexpected(found.error());
  }
  if (found->manifest.tag != name && found->manifest.id != name) return Found();
  return Found(*std::move(found));
}

std::string why_not(const snapshot::Snapshot& snapshot, const snapshot::Recipe& wanted) {
  const auto& made = snapshot.manifest.recipe;
  const auto& name = snapshot.manifest.name();
  if (made.empty()) return fmt::format("snapshot {} does not say what it was made from", name);
  const auto parts = snapshot::what_differs(wanted, made);
  if (parts.empty()) return {};
  return fmt::format("snapshot {} was made with something else for {}", name, parts);
}

namespace {

/// EPERM: it will not do, for the reason that the message says.
Result<vm::RunPlan> clone_of(Invocation& invocation, const snapshot::Recipe& recipe,
                             const vm::RunPlan& plan, const std::string& wished) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const auto snapshot = FCVM_TRY(find_saved(snapshot::Store(vms->paths().snapshots()), wished));
  if (!snapshot) return fail(ENOENT, "there is no snapshot " + wished);
  if (const auto why = why_not(*snapshot, recipe); !why.empty()) return fail(EPERM, why);
  return snapshot::as_clone(plan, FCVM_TRY(snapshot::clone_plan(*snapshot, *registry)));
}

}  // namespace

Result<std::optional<int>> begin_from(Invocation& invocation, vm::RunPlan& plan,
                                      const std::string& wished) {
  const auto fetched = FCVM_TRY(fetch_recipe(invocation, plan));
  if (fetched.signal) return fetched.signal;
  auto clone = clone_of(invocation, fetched.recipe, plan, wished);
  if (clone) {
    plan = *std::move(clone);
    log::info("snapshot", "the VM begins as a clone of {}", wished);
  } else if (clone.error().code() == ENOENT) {
    log::info("snapshot", "{}: the VM boots", clone.error().message());
  } else {
    log::warning("snapshot", "{}: the VM boots", clone.error().message());
  }
  return std::optional<int>();
}

}  // namespace fcvm::cli
