// See recipe.hpp. A part is digested as a plan that says nothing else, so that what a plan gains
// has to be given to a part here, or to none.
#include "core/snapshot/recipe.hpp"

#include <sys/stat.h>

#include <fmt/core.h>

#include "core/digest/sha256.hpp"
#include "core/vm/model/run_plan_json.hpp"

namespace fcvm::snapshot {
namespace {

std::string digest_of(const vm::RunPlan& part) { return digest::sha256(vm::plan_to_json(part)); }

vm::RunPlan command(const vm::RunPlan& plan) {
  vm::RunPlan part;
  part.container.command = plan.container.command;
  part.container.entrypoint = plan.container.entrypoint;
  part.container.has_entrypoint = plan.container.has_entrypoint;
  return part;
}

/// podman hands the proxies on to the container.
vm::RunPlan environment(const vm::RunPlan& plan) {
  vm::RunPlan part;
  part.container.environment = plan.container.environment;
  part.metadata_environment = plan.metadata_environment;
  part.network.proxies = plan.network.proxies;
  return part;
}

vm::RunPlan terminal(const vm::RunPlan& plan) {
  vm::RunPlan part;
  part.container.tty = plan.container.tty;
  part.container.interactive = plan.container.interactive;
  return part;
}

/// What the guest's podman and agent were told of the container, and go on to heed.
vm::RunPlan container(const vm::RunPlan& plan) {
  vm::RunPlan part;
  part.container.user = plan.container.user;
  part.container.workdir = plan.container.workdir;
  part.container.labels = plan.container.labels;
  part.container.volumes = plan.container.volumes;
  part.container.privileged = plan.container.privileged;
  part.container.podman_options = plan.container.podman_options;
  part.sysctls = plan.sysctls;
  part.restart = plan.restart;
  part.health = plan.health;
  // The host's to do, and so a clone's own.
  part.health.on_failure = vm::HealthAction::kNone;
  return part;
}

vm::RunPlan machine(const vm::RunPlan& plan) {
  vm::RunPlan part;
  part.vmm = plan.vmm;
  part.cpus = plan.cpus;
  part.memory_bytes = plan.memory_bytes;
  part.balloon_bytes = plan.balloon_bytes;
  part.hugepages = plan.hugepages;
  part.disk_bytes = plan.disk_bytes;
  part.disk_rates = plan.disk_rates;
  part.kernel_args = plan.kernel_args;
  return part;
}

/// Whose plugin may be another: the guest sees an interface, and its addresses.
vm::RunPlan network(const vm::RunPlan& plan) {
  vm::RunPlan part;
  part.network.plugin = plan.network.plugin.empty() ? "" : "any";
  part.network.mac = plan.network.mac;
  part.network.ipv4 = plan.network.ipv4;
  part.network.ipv6 = plan.network.ipv6;
  part.network.ipv6_prefix = plan.network.ipv6_prefix;
  part.network.mtu = plan.network.mtu;
  return part;
}

/// A guest that `fcvm setup` made never changes in its place, but a kernel of --kernel may.
Result<std::string> guest(const vm::GuestAssets& assets) {
  std::string parts;
  for (const auto& file : {assets.kernel, assets.initrd, assets.base_image}) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return fail_errno("looking at " + file.string());
    parts += fmt::format("{}\n{} {} {}\n", file.string(), status.st_size, status.st_mtim.tv_sec,
                         status.st_mtim.tv_nsec);
  }
  return digest::sha256(parts);
}

}  // namespace

Result<Recipe> recipe_of(const vm::RunPlan& plan, const std::string& image_digest) {
  const std::string of_guest = FCVM_TRY(guest(plan.assets));
  Recipe recipe = {{"the image", image_digest},
                   {"the command", digest_of(command(plan))},
                   {"the environment", digest_of(environment(plan))},
                   {"-i or -t", digest_of(terminal(plan))},
                   {"the container's options", digest_of(container(plan))},
                   {"the machine", digest_of(machine(plan))},
                   {"the network", digest_of(network(plan))},
                   {"the guest's kernel and root", of_guest}};
  for (const auto& gate : plan.readiness.gates) recipe["--wait-ready " + gate.text] = "passed";
  return recipe;
}

std::string what_differs(const Recipe& wanted, const Recipe& made) {
  std::string parts;
  for (const auto& [part, digest] : wanted) {
    const auto found = made.find(part);
    if (found != made.end() && found->second == digest) continue;
    parts += (parts.empty() ? "" : ", ") + part;
  }
  return parts;
}

}  // namespace fcvm::snapshot
