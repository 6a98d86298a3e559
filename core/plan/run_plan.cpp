#include "core/plan/run_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <fcvm/image.h>

#include "core/plan/choose.hpp"
#include "core/plan/disk_rate.hpp"
#include "core/plan/env_file.hpp"
#include "core/plan/guest_options.hpp"
#include "core/plan/health_options.hpp"
#include "core/plan/log_options.hpp"
#include "core/plan/network_options.hpp"
#include "core/plan/network_plan.hpp"
#include "core/plan/readiness_options.hpp"
#include "core/plan/volume_options.hpp"
#include "core/plan/words.hpp"
#include "core/setup/guest.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::plan {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeastMemory = 128 * config::kMiB;
/// x86 cuts its command line at 2048 bytes, and fcvm's and the VMM's own words come before these.
constexpr std::size_t kLongestKernelArgs = 1024;

Result<std::uint32_t> pull_policy(const std::string& text) {
  if (text == "always") return FCVM_PULL_ALWAYS;
  if (text == "never") return FCVM_PULL_NEVER;
  if (text == "newer") return FCVM_PULL_NEWER;
  return FCVM_PULL_MISSING;
}

Result<wire::ContainerSpec> container_spec(const Request& request) {
  const config::Config& config = request.config;
  wire::ContainerSpec spec;
  // What is given by name comes after it, and counts.
  for (char** one = environ; config.boolean("run", "env-host") && *one != nullptr; ++one) {
    spec.environment.emplace_back(*one);
  }
  for (const auto& file : config.list("run", "env-file")) {
    for (auto& variable : FCVM_TRY(read_env_file(file))) {
      spec.environment.push_back(std::move(variable));
    }
  }
  for (const auto& [name, value] : config.map("run", "env")) {
    spec.environment.push_back(name + '=' + value);
  }
  for (const auto& file : config.list("run", "label-file")) {
    for (auto& label : FCVM_TRY(read_label_file(file))) {
      spec.labels.push_back(std::move(label));
    }
  }
  for (const auto& [name, value] : config.map("run", "label")) {
    spec.labels.push_back(name + '=' + value);
  }
  spec.user = config.text("run", "user");
  spec.workdir = config.text("run", "workdir");
  spec.privileged = config.boolean("run", "privileged");
  spec.interactive = config.boolean("run", "interactive");
  spec.tty = config.boolean("run", "tty");
  if (request.terminal && spec.tty) {
    spec.rows = request.terminal->rows;
    spec.columns = request.terminal->columns;
  }
  spec.has_entrypoint = config.is_set("run", "entrypoint");
  // As podman: a JSON list is taken word by word, anything else is one word.
  const std::string& entrypoint = config.text("run", "entrypoint");
  if (!entrypoint.empty() && entrypoint.front() == '[') {
    const auto list = nlohmann::json::parse(entrypoint, nullptr, false);
    if (!list.is_array()) return fail(EINVAL, "--entrypoint: not a JSON list of words");
    for (const auto& word : list) {
      if (!word.is_string()) return fail(EINVAL, "--entrypoint: not a JSON list of words");
      spec.entrypoint.push_back(word);
    }
  } else if (!entrypoint.empty()) {
    spec.entrypoint = {entrypoint};
  }
  spec.command = request.command;
  if (spec.command.empty()) {
    spec.command = FCVM_TRY(split_words(config.text("run", "cmd")) | context("--cmd"));
  }
  return spec;
}

Result<void> choose_guest(vm::RunPlan& plan, const vm::Paths& paths, const config::Config& config) {
  const setup::Guest guest = FCVM_TRY(setup::find_guest(paths.guests()));
  plan.assets = {guest.kernel, guest.kernel_elf, guest.initrd, guest.base_image};
  if (const std::string& kernel = config.text("run", "kernel"); !kernel.empty()) {
    if (!fs::is_regular_file(kernel)) {
      return fail(ENOENT, fmt::format("--kernel {}: there is no such file", kernel));
    }
    plan.assets.kernel = fs::absolute(kernel);
    plan.assets.kernel_elf.clear();
  }
  plan.announces_vm = is_hello(plan.image);
  plan.image_reference = reference_of(plan.image, guest);
  return {};
}

/// In the order given. A word may hold what the kernel understands, and no line's end.
Result<std::string> kernel_args(const config::Config& config) {
  std::string line;
  for (const auto& word : config.list("run", "kernel-args")) {
    const bool printable =
        std::all_of(word.begin(), word.end(), [](unsigned char c) { return c >= ' ' && c < 0x7f; });
    if (!printable) {
      return fail(EINVAL, "--kernel-args: a word of the kernel's command line is printable ASCII",
                  "leave out what is not");
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (line.size() <= kLongestKernelArgs) return line;
  return fail(EINVAL,
              fmt::format("--kernel-args: {} bytes are more than the {} that there is room for",
                          line.size(), kLongestKernelArgs),
              "give fewer words");
}

Result<void> check_memory(std::uint64_t bytes) {
  const auto shown = config::to_text(config::Size{bytes});
  if (bytes < kLeastMemory) {
    return fail(EINVAL,
                fmt::format("{} of memory is too little for a guest and its container", shown),
                "give it at least -m 128m, better -m 512m; a bare number counts bytes");
  }
  struct sysinfo host {};
  if (::sysinfo(&host) != 0) return fail_errno("asking for the size of the host's memory");
  const std::uint64_t most =
      std::uint64_t{host.totalram} * host.mem_unit + std::uint64_t{host.totalswap} * host.mem_unit;
  if (bytes <= most) return {};
  return fail(EINVAL,
              fmt::format("{} of memory is more than this host has, with its swap {} MiB", shown,
                          most >> 20),
              "give the VM less, such as -m 1g");
}

Result<void> check_balloon(const vm::RunPlan& plan) {
  if (plan.balloon_bytes == 0 || plan.balloon_bytes + kLeastMemory <= plan.memory_bytes) return {};
  return fail(EINVAL,
              fmt::format("--balloon {}: that leaves less than {} MiB of the VM's memory",
                          config::to_text(config::Size{plan.balloon_bytes}), kLeastMemory >> 20),
              "give it less, or the VM more by -m");
}

}  // namespace

bool is_hello(const std::string& image) {
  return image == "fcvm/hello" || image == "localhost/fcvm/hello" || image == "fcvm/hello:latest" ||
         image == "localhost/fcvm/hello:latest";
}

std::string reference_of(const std::string& image, const setup::Guest& guest) {
  return is_hello(image) ? "docker-archive:" + guest.hello_archive.string() : image;
}

Result<vm::RunPlan> make_run_plan(const Request& request) {
  const config::Config& config = request.config;
  vm::RunPlan plan;
  plan.image = request.image;
  plan.name = config.text("run", "name");
  if (!plan.name.empty()) FCVM_TRY(vm::check_name(plan.name) | context("--name"));
  plan.cpus = static_cast<std::uint32_t>(config.integer("run", "cpus"));
  plan.memory_bytes = config.size("run", "mem");
  FCVM_TRY(check_memory(plan.memory_bytes));
  if (config.is_set("run", "balloon")) plan.balloon_bytes = config.size("run", "balloon");
  FCVM_TRY(check_balloon(plan));
  plan.hugepages = config.boolean("run", "hugepages");
  plan.kernel_args = FCVM_TRY(kernel_args(config));
  plan.disk_bytes = config.size("run", "rootfs-size");
  plan.disk_rates = FCVM_TRY(disk_rates(config));
  plan.remove_when_done = config.boolean("run", "rm");
  plan.detached = config.boolean("run", "detach");
  plan.stop_grace = config.duration("run", "stop-timeout");
  if (const auto limit = config.duration("run", "timeout"); limit.count() > 0)
    plan.lifetime = limit;
  plan.restart = FCVM_TRY(restart_policy(config));
  plan.hostname = config.text("run", "hostname");
  FCVM_TRY(check_hostname(plan.hostname) | context("--hostname"));
  plan.metadata_environment = config.boolean("run", "metadata-env");
  plan.network = FCVM_TRY(make_network_plan(request));
  plan.pull = FCVM_TRY(pull_policy(config.text("run", "pull")));
  plan.platform = config.text("run", "platform");
  if (const auto& file = config.text("run", "cidfile"); !file.empty()) {
    if (fs::exists(file)) {
      return fail(EEXIST, fmt::format("--cidfile {}: it exists already", file), "remove it");
    }
    plan.cid_file = fs::absolute(file);
  }
  plan.container = FCVM_TRY(container_spec(request));
  for (const auto& label : plan.container.labels) {
    const auto equals = label.find('=');
    plan.labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (config.is_set("run", "pids-limit")) {
    plan.pids_limit = config.integer("run", "pids-limit");
    plan.container.podman_options.push_back(fmt::format("--pids-limit={}", plan.pids_limit));
  }
  for (auto& option : FCVM_TRY(guest_options(config))) {
    plan.container.podman_options.push_back(std::move(option));
  }
  plan.maps = FCVM_TRY(map_plans(config));
  for (std::size_t i = 0; i < plan.maps.size(); ++i) {
    plan.container.volumes.push_back(guest_volume(plan.maps[i], i));
  }
  plan.sysctls = guest_sysctls(config);
  plan.health = FCVM_TRY(health_plan(config));
  plan.readiness = FCVM_TRY(readiness_plan(config, request.registry, plan.network));
  plan.log = FCVM_TRY(log_driver(config, plan.detached, plan.container.tty));
  // The VMM comes last in a launch, and nobody should wait for an image to hear that there is none.
  plan.vmm = FCVM_TRY(choose_vmm(config, request.registry));
  plan.image_plugin = FCVM_TRY(choose_image_plugin(config, request.registry));
  FCVM_TRY(choose_guest(plan, request.paths, config));
  return plan;
}

}  // namespace fcvm::plan
