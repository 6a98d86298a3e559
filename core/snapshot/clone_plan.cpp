// See clone_plan.hpp.
#include "core/snapshot/clone_plan.hpp"

#include <fmt/core.h>

#include "core/vm/model/id.hpp"
#include "core/vm/model/machine_files.hpp"
#include "core/vm/model/run_plan_json.hpp"
#include "core/vm/model/saved_plan.hpp"

namespace fcvm::snapshot {
namespace {

constexpr const char* kDefaultMemory = "memory.file";
constexpr const char* kEmulated = "tcg";

/// A guest goes on using what it found at its boot.
Result<void> check_cpu(const Manifest& manifest) {
  if (manifest.accelerator == kEmulated) return {};
  const Cpu here = FCVM_TRY(host_cpu());
  if (here.features == manifest.cpu.features) return {};
  return fail(ENOTSUP,
              fmt::format("snapshot {} was made on a host with another CPU: {}, and this is {}",
                          manifest.name(), manifest.cpu.model, here.model),
              "restore it on such a host, or make it again here");
}

/// A plugin of another version may have changed what it writes.
Result<void> check_vmm(const Manifest& manifest, const std::string& vmm,
                       const plugin::Registry& registry) {
  const plugin::Entry* entry =
      FCVM_TRY(registry.find(vmm) | context("restoring snapshot " + manifest.name()));
  const auto made_by = manifest.plugins.find(vmm);
  if (made_by == manifest.plugins.end() || made_by->second == entry->descriptor.version) return {};
  return fail(ENOTSUP,
              fmt::format("snapshot {} was made by {} {}, and this is version {}", manifest.name(),
                          vmm, made_by->second, entry->descriptor.version),
              "make it again with this fcvm, or restore it with that one");
}

Result<std::filesystem::path> part(const Snapshot& snapshot, const char* name, bool needed) {
  if (snapshot.manifest.find(name) != nullptr) return snapshot.directory / name;
  if (!needed) return std::filesystem::path();
  return fail(EBADMSG, fmt::format("snapshot {} has no {}", snapshot.manifest.name(), name),
              "make it again");
}

}  // namespace

Result<vm::RunPlan> clone_plan(const Snapshot& snapshot, const plugin::Registry& registry) {
  const Manifest& manifest = snapshot.manifest;
  FCVM_TRY(check_files(snapshot));
  FCVM_TRY(check_cpu(manifest));
  auto said = FCVM_TRY(vm::plan_from_json(manifest.plan));
  if (!said.restore) return fail(EPROTO, "the snapshot's plan has no disks", "make it again");
  // A manifest may come from another host: of what else it says nothing is believed.
  auto plan = vm::saved_plan(said, std::move(said.restore->image_disks));
  if (!plan.container.name.empty()) FCVM_TRY(vm::check_name(plan.container.name));
  FCVM_TRY(check_vmm(manifest, plan.vmm, registry));
  plan.network.reattach = true;
  plan.assets.kernel = FCVM_TRY(part(snapshot, vm::kKernel, true));
  plan.assets.kernel_elf = FCVM_TRY(part(snapshot, vm::kKernelElf, false));
  plan.assets.initrd = FCVM_TRY(part(snapshot, vm::kInitrd, true));
  plan.assets.base_image = FCVM_TRY(part(snapshot, vm::kBaseDisk, true));
  vm::RestorePlan& from = *plan.restore;
  from.directory = std::filesystem::absolute(snapshot.directory);
  from.id = manifest.id;
  from.tag = manifest.tag;
  from.vmm_version = manifest.vmm_version;
  from.snapshot_format = manifest.snapshot_format;
  from.image_digest = manifest.image_digest;
  from.memory_plugin = kDefaultMemory;
  return plan;
}

vm::RunPlan as_clone(vm::RunPlan wanted, const vm::RunPlan& clone) {
  wanted.restore = clone.restore;
  wanted.assets = clone.assets;
  wanted.image_plugin = clone.image_plugin;
  wanted.container.name = clone.container.name;
  wanted.readiness = {};
  wanted.network.reattach = true;
  wanted.network.mac = clone.network.mac;
  wanted.network.ipv4 = clone.network.ipv4;
  wanted.network.ipv6 = clone.network.ipv6;
  wanted.network.mtu = clone.network.mtu;
  return wanted;
}

}  // namespace fcvm::snapshot
