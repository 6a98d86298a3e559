#include "core/plan/describe.hpp"

#include <nlohmann/json.hpp>

#include "core/vm/model/port.hpp"

namespace fcvm::plan {
namespace {

nlohmann::ordered_json describe_rates(const vm::DiskRates& rates) {
  return {{"read_bytes", rates.read_bytes},
          {"write_bytes", rates.write_bytes},
          {"read_operations", rates.read_operations},
          {"write_operations", rates.write_operations}};
}

/// As -p takes them.
std::vector<std::string> describe_ports(const vm::NetworkPlan& plan) {
  std::vector<std::string> ports;
  for (const auto& port : plan.publish) ports.push_back(vm::to_text(port));
  return ports;
}

std::vector<std::string> describe_gates(const vm::ReadinessPlan& plan) {
  std::vector<std::string> gates;
  for (const auto& gate : plan.gates) gates.push_back(gate.text);
  return gates;
}

}  // namespace

std::string describe(const vm::RunPlan& plan) {
  using nlohmann::ordered_json;
  const ordered_json whole = {
      {"image", plan.image},
      {"name", plan.name},
      {"command", plan.container.command},
      {"environment", plan.container.environment},
      {"interactive", plan.container.interactive},
      {"tty", plan.container.tty},
      {"vmm", plan.vmm},
      {"image_plugin", plan.image_plugin},
      {"platform", plan.platform},
      {"network", plan.network.name()},
      {"network_open", plan.network.opened()},
      {"network_rate_in", plan.network.rate_in},
      {"network_rate_out", plan.network.rate_out},
      {"ports", describe_ports(plan.network)},
      {"log_driver", plan.log.name},
      {"log_max_bytes", plan.log.limits.max_size},
      {"log_max_files", plan.log.limits.max_files},
      {"cpus", plan.cpus},
      {"memory_bytes", plan.memory_bytes},
      {"balloon_bytes", plan.balloon_bytes},
      {"hugepages", plan.hugepages},
      {"disk_bytes", plan.disk_bytes},
      {"disk_rates", describe_rates(plan.disk_rates)},
      {"pids_limit", plan.pids_limit},
      {"podman_options", plan.container.podman_options},
      {"sysctls", plan.sysctls},
      {"gates", describe_gates(plan.readiness)},
      {"ready_timeout_ms", plan.readiness.limit.count()},
      {"timeout_ms", plan.lifetime.value_or(std::chrono::milliseconds(0)).count()},
      {"stop_timeout_ms", plan.stop_grace.count()},
      {"restart", plan.restart.name},
      {"kernel", plan.assets.kernel.string()},
      {"kernel_args", plan.kernel_args},
      {"initrd", plan.assets.initrd.string()},
      {"base_image", plan.assets.base_image.string()}};
  return whole.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace fcvm::plan
