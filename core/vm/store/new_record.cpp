// See new_record.hpp.
#include "core/vm/store/new_record.hpp"

#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {

Result<Record> new_record(const RunPlan& plan, const plugin::Registry& registry) {
  Record record;
  record.name = plan.name;
  record.image = plan.image;
  record.command = plan.container.command;
  record.labels = plan.labels;
  record.cpus = plan.cpus;
  record.memory_bytes = plan.memory_bytes;
  record.remove_when_done = plan.remove_when_done;
  record.detached = plan.detached;
  record.log_driver = plan.log.name;
  if (plan.log.name == LogDriver::kFile) {
    record.log_max_bytes = plan.log.limits.max_size;
    record.log_max_files = plan.log.limits.max_files;
  }
  record.disk_bytes = plan.disk_bytes;
  record.disk_rates = plan.disk_rates;
  record.pids_limit = plan.pids_limit;
  if (plan.lifetime) record.lifetime_ms = plan.lifetime->count();
  record.stop_grace_ms = plan.stop_grace.count();
  record.restart_policy = plan.restart.name;
  record.created_ns = now_ns();
  record.vmm_plugin = plan.vmm;
  record.image_plugin = plan.image_plugin;
  record.network = plan.network.name();
  std::string memory_plugin;
  if (plan.restore) {
    record.snapshot = plan.restore->id;
    record.snapshot_tag = plan.restore->tag;
    memory_plugin = plan.restore->memory_plugin;
  }
  std::vector<std::string> plugins{plan.vmm, plan.image_plugin, plan.network.plugin, memory_plugin};
  for (const auto& gate : plan.readiness.gates) {
    record.gates.push_back({gate.text, false});
    plugins.push_back(gate.plugin);
  }
  for (const auto& id : plugins) {
    if (id.empty()) continue;
    const plugin::Entry* entry = FCVM_TRY(registry.find(id));
    record.plugin_versions[id] = entry->descriptor.version;
  }
  return record;
}

}  // namespace fcvm::vm
