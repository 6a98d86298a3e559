#include "core/cli/recover_plugin.hpp"

#include <chrono>
#include <mutex>

#include "core/cli/invocation.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/plugin/recovery.hpp"
#include "core/vm/store/recorded_state.hpp"

namespace fcvm::cli {
namespace {

constexpr std::chrono::seconds kLimit{30};

Result<void> recover(Invocation& invocation, vm::Record record, const std::string& id) {
  const auto* registry = FCVM_TRY(invocation.registry());
  const config::Config* config = FCVM_TRY(invocation.config());
  const plugin::Entry* entry = FCVM_TRY(registry->find(id));
  const auto settings = plugin::Settings::as_far_as_set(*config, id);
  vm::OwnRecord own(*FCVM_TRY(invocation.store()), std::move(record));
  vm::RecordedState state(own);
  plugin::ProcessKeeper processes;
  return plugin::recover(*entry, settings, {.process = &processes, .state = &state},
                         base::Deadline::in(kLimit));
}

}  // namespace

vm::RecoverPlugin recover_plugin(Invocation& invocation) {
  return [&invocation](const vm::Record& record, const std::string& id) {
    return recover(invocation, record, id) | context("undoing what plugin " + id + " left");
  };
}

}  // namespace fcvm::cli
