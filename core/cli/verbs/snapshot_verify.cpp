// fcvm snapshot verify: whether snapshots have the contents that they had.
#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/snapshot/store.hpp"

namespace fcvm::cli {
namespace {

Result<int> run(Invocation& invocation) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  int code = 0;
  for (const auto& word : invocation.positionals()) {
    const auto snapshot = store.find(word);
    const auto verified = [&]() -> Result<void> {
      if (!snapshot) return unexpected(snapshot.error());
      const auto held = FCVM_TRY(store.use(*snapshot));
      return snapshot::verify(*snapshot);
    }();
    if (verified) {
      fmt::print("{}: whole\n", word);
      continue;
    }
    log::report(verified.error());
    code = kExitFailure;
  }
  return code;
}

}  // namespace

Verb snapshot_verify_verb() {
  return {.name = "snapshot verify",
          .arguments = "SNAPSHOT...",
          .summary = "Read snapshots and compare them with their digests",
          .details =
              "Memory, devices and disks are read whole; of what a snapshot shares with others,\n"
              "such as the guest's root, the sizes are compared. The manifest has a digest of its\n"
              "own, which every command compares.\n",
          .positionals = {.min = 1, .max = kAnyNumber},
          .run = run};
}

}  // namespace fcvm::cli
