#include "core/vm/model/saved_plan.hpp"

#include <utility>

namespace fcvm::vm {

RunPlan saved_plan(const RunPlan& plan, std::vector<ImageDisk> image_disks) {
  RunPlan saved;
  saved.image = plan.image;
  saved.container.name = plan.container.name;
  saved.container.command = plan.container.command;
  saved.container.tty = plan.container.tty;
  saved.container.interactive = plan.container.interactive;
  saved.labels = plan.labels;
  saved.cpus = plan.cpus;
  saved.memory_bytes = plan.memory_bytes;
  saved.balloon_bytes = plan.balloon_bytes;
  saved.hugepages = plan.hugepages;
  saved.disk_bytes = plan.disk_bytes;
  saved.disk_rates = plan.disk_rates;
  saved.pids_limit = plan.pids_limit;
  saved.stop_grace = plan.stop_grace;
  saved.restart = plan.restart;  // the guest's agent goes on to heed it
  saved.kernel_args = plan.kernel_args;
  saved.vmm = plan.vmm;
  saved.image_plugin = plan.image_plugin;
  saved.health = plan.health;
  saved.network = plan.network;
  // A clone publishes what it is told to, and what its source did.
  saved.network.publish_exposed = false;
  saved.restore.emplace().image_disks = std::move(image_disks);
  return saved;
}

}  // namespace fcvm::vm
