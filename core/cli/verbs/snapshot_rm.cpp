// fcvm snapshot rm, prune: frees what snapshots take of the disk.
#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/session/confirm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/snapshot/store.hpp"

namespace fcvm::cli {
namespace {

Result<void> remove_one(const snapshot::Store& store, const std::string& word, bool force) {
  const auto snapshot = store.find(word);
  if (snapshot) return store.remove(*snapshot, force);
  // Of one that is damaged nothing but its id is known.
  if (snapshot.error().code() == ENOENT) return unexpected(snapshot.error());
  return store.remove_damaged(word);
}

Result<int> remove(Invocation& invocation) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  int code = 0;
  for (const auto& word : invocation.positionals()) {
    const auto removed = remove_one(store, word, invocation.flag("force"));
    if (removed) {
      fmt::print("{}\n", word);
      continue;
    }
    log::report(removed.error());
    code = kExitFailure;
  }
  return code;
}

Result<int> prune(Invocation& invocation) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto* const what = invocation.flag("all")
                               ? "This removes all snapshots that nobody uses."
                               : "This removes all snapshots that no user has made.";
  if (!FCVM_TRY(confirm(invocation, what))) return 0;
  for (const auto& snapshot : FCVM_TRY(store.all())) {
    const bool goes = invocation.flag("all") || snapshot.manifest.kind != snapshot::Manifest::kUser;
    if (!goes || store.is_used(snapshot)) continue;
    FCVM_TRY(store.remove(snapshot, false));
    fmt::print("{}\n", snapshot.manifest.id);
  }
  (void)FCVM_TRY(store.collect(false));
  return 0;
}

}  // namespace

Verb snapshot_rm_verb() {
  return {.name = "snapshot rm",
          .aliases = {"snapshots delete", "snapshot delete"},
          .arguments = "[-f] SNAPSHOT...",
          .summary = "Remove snapshots",
          .details =
              "One that clones were made from, and that run, is not removed without -f. They\n"
              "have what they need and go on even then.\n",
          .options = {{.name = "force",
                       .type = config::Type::kBoolean,
                       .help = "also those that are used",
                       .letter = 'f'}},
          .positionals = {.min = 1, .max = kAnyNumber},
          .run = remove};
}

Verb snapshot_prune_verb() {
  using config::Type;
  return {
      .name = "snapshot prune",
      .aliases = {"snapshots prune"},
      .arguments = "[--all]",
      .summary = "Remove snapshots that nobody uses",
      .details =
          "Without --all only those that no user has made. Prints the ids of what is gone. What\n"
          "killed commands left half made goes, too.\n",
      .options =
          {{.name = "all", .type = Type::kBoolean, .help = "all that are not used", .letter = 'a'},
           unasked_option()},
      .run = prune};
}

}  // namespace fcvm::cli
