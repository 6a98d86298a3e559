// RunPlan: everything that is decided about a VM before anything is made.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/disk_rates.hpp"
#include "core/vm/model/health_plan.hpp"
#include "core/vm/model/log_driver.hpp"
#include "core/vm/model/map_plan.hpp"
#include "core/vm/model/network_plan.hpp"
#include "core/vm/model/readiness_plan.hpp"
#include "core/vm/model/restore_plan.hpp"
#include "core/vm/model/restart_policy.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::vm {

/// The guest's own parts, which `fcvm setup` made.
struct GuestAssets {
  std::filesystem::path kernel;
  std::filesystem::path kernel_elf;  // empty when there is none
  std::filesystem::path initrd;
  std::filesystem::path base_image;
};

struct RunPlan {
  /// The id of the image of a container that is on the VM's disks already and is started again;
  /// empty: it is made.
  std::string kept_image;
  std::string name;  // empty: one is made up
  std::string image;
  std::string image_reference;  // what the image plugin is given, when it differs
  std::uint32_t pull = 0;       // FCVM_PULL_...
  std::string platform;         // "linux/amd64"; empty: the host's
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t balloon_bytes = 0;  // of it, given back from the start
  bool hugepages = false;
  std::uint64_t disk_bytes = 0;
  DiskRates disk_rates;
  bool remove_when_done = false;
  bool detached = false;
  std::chrono::milliseconds stop_grace{10'000};
  std::optional<std::chrono::milliseconds> lifetime{};  // --timeout
  RestartPolicy restart{};
  std::optional<std::filesystem::path> cid_file{};
  LogDriver log{};
  std::map<std::string, std::string> labels;

  std::string vmm;  // plugin ids
  std::string image_plugin;
  NetworkPlan network;
  ReadinessPlan readiness;
  HealthPlan health;

  std::string hostname;  // empty: the VM's name
  wire::ContainerSpec container;
  std::vector<MapPlan> maps;         // bound into the container by its `volumes`
  std::vector<std::string> sysctls;  // of the guest, set before there is a container
  std::int64_t pids_limit = 0;       // of the container; 0: podman's own, -1: none
  /// Whether the VMM's metadata service tells the container's environment.
  bool metadata_environment = false;
  /// Tells the container which VMM and agent it runs under, for fcvm/hello to say.
  bool announces_vm = false;
  GuestAssets assets;
  std::string kernel_args;  // behind fcvm's own words of the kernel's command line

  std::optional<RestorePlan> restore{};  // a clone, which goes on where its snapshot was

  /// How long the guest may take until its agent answers.
  std::chrono::milliseconds boot_limit{120'000};
  /// And until its container runs after that: an emulated guest loads a large image for minutes.
  std::chrono::milliseconds start_limit{30 * 60'000};
};

}  // namespace fcvm::vm
