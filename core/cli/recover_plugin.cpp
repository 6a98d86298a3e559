#include "core/cli/recover_plugin.hpp"

#include <chrono>
#include <mutex>

#include "core/cli/invocation.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/vm/store/recorded_state.hpp"

namespace fcvm::cli {
namespace {

constexpr std::chrono::seconds kLimit{30};

Result<void> recover_net(Invocation& invocation, const plugin::Entry& entry, vm::Record record) {
  const std::string& id = entry.descriptor.id;
  const config::Config* config = FCVM_TRY(invocation.config());
  const auto settings = FCVM_TRY(plugin::Settings::of(*config, id));
  std::mutex mutex;
  vm::RecordedState state(*FCVM_TRY(invocation.store()), record, mutex);
  plugin::ProcessKeeper processes;
  auto object = FCVM_TRY(plugin::Registry::load(entry));
  const auto instance = FCVM_TRY(plugin::Instance<fcvm_net_v1>::create(
      std::move(object), id, settings, {.process = &processes, .state = &state}));
  return instance->call({"recover"}, instance->verbs().recover, base::Deadline::in(kLimit).as_ns());
}

}  // namespace

vm::RecoverPlugin recover_plugin(Invocation& invocation) {
  return [&invocation](const vm::Record& record, const std::string& id) -> Result<void> {
    const auto* registry = FCVM_TRY(invocation.registry());
    const plugin::Entry* entry =
        FCVM_TRY(registry->find(id) | context("undoing what plugin " + id + " left"));
    // Only networks leave things on the host that the VM's directories do not hold.
    if (entry->descriptor.kind != FCVM_KIND_NET) return {};
    return recover_net(invocation, *entry, record);
  };
}

}  // namespace fcvm::cli
