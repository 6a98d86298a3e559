// fcvm prune, system prune, exists: what podman has for containers that have ended, and for all.
#include <fmt/core.h>

#include "core/base/io/disk_usage.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/image_catalog.hpp"
#include "core/cli/remove_vm.hpp"
#include "core/cli/session/confirm.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/cli/vm_filter.hpp"
#include "core/log/log.hpp"

namespace fcvm::cli {
namespace {

using config::Type;

/// Prints the ids of those that are gone; how much disk they had.
Result<std::uint64_t> remove_ended(Invocation& invocation) {
  const auto filter = FCVM_TRY(VmFilter::parse(invocation.values("filter")));
  vm::Store* store = FCVM_TRY(invocation.store());
  RemoveVm remove(invocation, *store, {});
  std::uint64_t freed = 0;
  for (const auto& record : FCVM_TRY(invocation.records())) {
    if (is_alive(record) || !filter.passes(record)) continue;
    const auto bytes = base::bytes_on_disk(store->paths().vm(record.id));
    if (const auto removed = remove(record); !removed) {
      log::report(removed.error());
      continue;
    }
    fmt::print("{}\n", record.id);
    freed += bytes;
  }
  return freed;
}

Result<int> prune(Invocation& invocation) {
  if (!FCVM_TRY(confirm(invocation, "This removes all VMs that have ended."))) return 0;
  const auto freed = FCVM_TRY(remove_ended(invocation));
  fmt::print("Total reclaimed space: {}\n", size_text(freed));
  return 0;
}

Result<int> prune_system(Invocation& invocation) {
  const bool all = invocation.flag("all");
  const std::string what = fmt::format("This removes all VMs that have ended, and images that {}.",
                                       all ? "no VM has" : "have no name");
  if (!FCVM_TRY(confirm(invocation, what))) return 0;
  fmt::print("Deleted VMs\n");
  std::uint64_t freed = FCVM_TRY(remove_ended(invocation));
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  fmt::print("Deleted Images\n");
  for (const auto& image : FCVM_TRY(catalog->prune(all))) {
    fmt::print("{}\n", image.id);
    freed += image.stored_bytes;
  }
  fmt::print("Total reclaimed space: {}\n", size_text(freed));
  return 0;
}

Result<int> exists(Invocation& invocation) {
  const auto records = FCVM_TRY(invocation.records());
  return vm::find_record(records, invocation.positionals().front()) ? 0 : 1;
}

}  // namespace

Verb prune_verb() {
  return {.name = "prune",
          .aliases = {"podman container prune"},
          .arguments = "[-f] [--filter F]",
          .summary = "Remove all VMs that have ended",
          .details = "As `fcvm rm --all`. It asks first, where there is a terminal to ask at.\n",
          .options = {unasked_option(),
                      {.name = "filter",
                       .type = Type::kList,
                       .help = "only VMs that pass: KEY=VALUE, as of `fcvm ls`"}},
          .run = prune};
}

Verb system_prune_verb() {
  return {.name = "system prune",
          .aliases = {"podman system prune"},
          .arguments = "[-f] [--all]",
          .summary = "Remove VMs that have ended, and images that nobody uses",
          .details = "Snapshots and guests stay: `fcvm snapshot prune` removes the former.\n",
          .options = {unasked_option(),
                      {.name = "all",
                       .type = Type::kBoolean,
                       .help = "all images that no VM has, with names, too",
                       .letter = 'a'}},
          .run = prune_system};
}

Verb exists_verb() {
  return {.name = "exists",
          .aliases = {"podman container exists"},
          .arguments = "VM",
          .summary = "Exit with 0 if there is such a VM, else with 1",
          .positionals = {.min = 1, .max = 1, .names = Names::kVms},
          .run = exists};
}

}  // namespace fcvm::cli
