// Podman in the guest: its configuration, and the commands that load an image and run a container.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/wire/boot_plan.hpp"

namespace fcvm::agent {

constexpr char kPidFile[] = "/run/fcvm/container/pid";

/// Written before podman ever runs: two that race at their first start disagree about it for good.
Result<void> configure_podman(const wire::BootPlan& plan);
/// `driver` is "overlay" or "btrfs".
std::string storage_conf(std::string_view driver, std::size_t additional_stores);
/// Where podman has what it stores.
constexpr char kStorage[] = "/var/lib/containers/storage";
/// Where an additional image store is mounted.
std::string store_path(std::size_t number);
std::string containers_conf();

Result<std::vector<std::string>> podman_load(const wire::BootPlan& plan);
std::vector<std::string> podman_run(const wire::ContainerSpec& spec);
/// Of one that podman knows already.
std::vector<std::string> podman_start(const wire::ContainerSpec& spec);

}  // namespace fcvm::agent
