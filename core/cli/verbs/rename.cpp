// fcvm rename: gives a VM another name.
#include <chrono>
#include <utility>

#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/id.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

constexpr std::chrono::seconds kPatience{30};

/// Its supervisor is the only one who changes a record, where there is one.
Result<void> rename_dead(const vm::Store& store, const vm::Record& before,
                         const std::string& name) {
  const auto all = FCVM_TRY(store.lock_all());
  const auto lock = FCVM_TRY(store.lock(before.id, base::Deadline::in(kPatience)));
  vm::Record record = FCVM_TRY(store.load(before.id));
  if (record.is_alive()) return fail(EBUSY, "it was started just now", "try again");
  FCVM_TRY(store.check_free_name(record.id, name));
  record.name = name;
  FCVM_TRY(store.save(record));
  return vm::log_event(store.paths().events(), {.time_ns = vm::now_ns(),
                                                .type = "rename",
                                                .id = record.id,
                                                .name = record.name,
                                                .image = record.image});
}

Result<int> run(Invocation& invocation) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto& words = invocation.positionals();
  FCVM_TRY(vm::check_name(words[1]));
  const auto records = FCVM_TRY(invocation.records());
  const vm::Record* record = FCVM_TRY(vm::find_record(records, words[0]));
  auto renamed = [&]() -> Result<void> {
    if (!record->is_alive()) return rename_dead(*store, *record, words[1]);
    (void)FCVM_TRY(vm::ask_supervisor(store->paths(), record->id, vm::ask::Rename{words[1]},
                                      base::Deadline::in(kPatience)));
    return {};
  }();
  FCVM_TRY(std::move(renamed) | context("renaming VM " + record->name));
  return 0;
}

}  // namespace

Verb rename_verb() {
  return {.name = "rename",
          .aliases = {"podman rename"},
          .arguments = "NAME NEW",
          .summary = "Give a VM another name",
          .details =
              "The VM may run. Its host name stays what it was, as with podman.\n"
              "\n"
              "Example:\n"
              "  fcvm rename web web-old\n",
          .positionals = {.min = 2, .max = 2, .names = Names::kVms, .named = 1},
          .run = run};
}

}  // namespace fcvm::cli
