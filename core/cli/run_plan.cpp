#include "core/cli/run_plan.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <fcvm/image.h>

#include "core/cli/disk_rate.hpp"
#include "core/cli/env_file.hpp"
#include "core/cli/log_options.hpp"
#include "core/cli/network_plan.hpp"
#include "core/cli/terminal.hpp"
#include "core/plugin/probe.hpp"
#include "core/setup/disk.hpp"
#include "core/setup/guest.hpp"

namespace fcvm::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHelloImage = "fcvm/hello";
constexpr std::uint64_t kLeastMemory = 128 * config::kMiB;

Result<plugin::ProbeResult> probe_vmm(Invocation& invocation, const plugin::Entry& entry) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const config::Section* section = config->section("plugin." + entry.descriptor.id);
  plugin::Settings settings;
  if (section != nullptr) settings = FCVM_TRY(plugin::Settings::from_section(*section));
  return plugin::probe(entry, settings);
}

/// The VMM that is wanted; or the best that works here, the first of these whose probe says so.
Result<std::string> choose_vmm(Invocation& invocation, const std::string& wanted) {
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  if (wanted != "auto") {
    const plugin::Entry* entry = FCVM_TRY(registry->find("vmm", wanted));
    const auto probed = FCVM_TRY(probe_vmm(invocation, *entry));
    if (probed.status != FCVM_PROBE_UNUSABLE) return entry->descriptor.id;
    return fail(ENOTSUP, fmt::format("the VMM {} does not work here: {}", wanted, probed.reason),
                probed.remedy);
  }
  std::string reasons;
  for (const char* name : {"firecracker", "qemu"}) {
    const auto entry = registry->find("vmm", name);
    if (!entry) continue;
    const auto probed = probe_vmm(invocation, **entry);
    if (probed && probed->status != FCVM_PROBE_UNUSABLE) return (*entry)->descriptor.id;
    reasons += fmt::format("\n  {}: {}", name, probed ? probed->reason : probed.error().message());
  }
  return fail(ENOENT, "no VMM works here:" + reasons,
              "fcvm doctor tells what is missing; `apt install qemu-system-x86` works everywhere");
}

Result<std::string> choose_image_plugin(Invocation& invocation, const std::string& wanted) {
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  return FCVM_TRY(registry->find("image", wanted == "auto" ? "archive" : wanted))->descriptor.id;
}

/// podman's rule, so that a name is also good inside the guest.
Result<void> check_name(const std::string& name) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
  };
  if (name.empty()) return {};
  const bool starts_well = std::isalnum(static_cast<unsigned char>(name.front())) != 0;
  if (starts_well && std::all_of(name.begin(), name.end(), good)) return {};
  return fail(EINVAL, fmt::format("--name {}: a name begins with a letter or digit and has only "
                                  "letters, digits and _.- after it",
                                  name));
}

Result<std::uint32_t> pull_policy(const std::string& text) {
  if (text == "always") return FCVM_PULL_ALWAYS;
  if (text == "never") return FCVM_PULL_NEVER;
  if (text == "newer") return FCVM_PULL_NEWER;
  return FCVM_PULL_MISSING;
}

Result<wire::ContainerSpec> container_spec(Invocation& invocation, const config::Config& config) {
  wire::ContainerSpec spec;
  for (const auto& file : config.list("run", "env-file")) {
    for (auto& variable : FCVM_TRY(read_env_file(file))) {
      spec.environment.push_back(std::move(variable));
    }
  }
  for (const auto& [name, value] : config.map("run", "env")) {
    spec.environment.push_back(name + '=' + value);
  }
  for (const auto& [name, value] : config.map("run", "label")) {
    spec.labels.push_back(name + '=' + value);
  }
  spec.user = config.text("run", "user");
  spec.workdir = config.text("run", "workdir");
  spec.privileged = config.boolean("run", "privileged");
  spec.interactive = config.boolean("run", "interactive");
  spec.tty = config.boolean("run", "tty");
  if (const auto size = Terminal::size(); size && spec.tty) {
    spec.rows = size->rows;
    spec.columns = size->columns;
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
  const auto& words = invocation.positionals();
  spec.command.assign(words.begin() + 1, words.end());
  if (!spec.command.empty() && spec.command.front() == "--") {
    spec.command.erase(spec.command.begin());
  }
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
  plan.image_reference = plan.image;
  if (plan.image == kHelloImage || plan.image == fmt::format("localhost/{}", kHelloImage) ||
      plan.image == fmt::format("{}:latest", kHelloImage)) {
    plan.image_reference = "docker-archive:" + guest.hello_archive.string();
    plan.announces_vm = true;
  }
  return {};
}

nlohmann::ordered_json describe_rates(const vm::DiskRates& rates) {
  return {{"read_bytes", rates.read_bytes},
          {"write_bytes", rates.write_bytes},
          {"read_operations", rates.read_operations},
          {"write_operations", rates.write_operations}};
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (!word) word.emplace();
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      *word += text[++i];
    } else {
      *word += c;
    }
  }
  if (quote != 0) return fail(EINVAL, fmt::format("a closing {} is missing", quote));
  if (word) words.push_back(*word);
  return words;
}

/// An option with a value that may be missing takes none from the next word: `--host-loopback 8080
/// IMAGE` would open everything, and run an image called 8080.
Result<void> check_image_word(const Invocation& invocation) {
  const std::string& image = invocation.positionals().front();
  if (image.find_first_not_of("0123456789,-") != std::string::npos) return {};
  for (const char* name : {"host-loopback", "host-addresses"}) {
    if (!invocation.given(name)) continue;
    return fail(EINVAL, fmt::format("{} is where the image stands, and looks like a port", image),
                fmt::format("write --{}={}", name, image));
  }
  return {};
}

Result<vm::RunPlan> make_run_plan(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const vm::Store* store = FCVM_TRY(invocation.store());
  vm::RunPlan plan;
  FCVM_TRY(check_image_word(invocation));
  plan.image = invocation.positionals().front();
  plan.name = config->text("run", "name");
  FCVM_TRY(check_name(plan.name));
  plan.cpus = static_cast<std::uint32_t>(config->integer("run", "cpus"));
  plan.memory_bytes = config->size("run", "mem");
  if (plan.memory_bytes < kLeastMemory) {
    return fail(EINVAL,
                fmt::format("{} of memory is too little for a guest and its container",
                            config::to_text(config::Size{plan.memory_bytes})),
                "give it at least --memory 128M; 512M is comfortable");
  }
  plan.disk_bytes = config->size("run", "rootfs-size");
  plan.disk_rates = FCVM_TRY(disk_rates(*config));
  plan.remove_when_done = config->boolean("run", "rm");
  plan.detached = config->boolean("run", "detach");
  plan.stop_grace = config->duration("run", "stop-timeout");
  if (const auto limit = config->duration("run", "timeout"); limit.count() > 0)
    plan.lifetime = limit;
  plan.labels = config->map("run", "label");
  plan.hostname = config->text("run", "hostname");
  plan.metadata_environment = config->boolean("run", "metadata-env");
  plan.network = FCVM_TRY(make_network_plan(invocation, *config));
  plan.pull = FCVM_TRY(pull_policy(config->text("run", "pull")));
  if (const auto& file = config->text("run", "cidfile"); !file.empty()) {
    if (fs::exists(file)) {
      return fail(EEXIST, fmt::format("--cidfile {}: it exists already", file), "remove it");
    }
    plan.cid_file = fs::absolute(file);
  }
  plan.container = FCVM_TRY(container_spec(invocation, *config));
  if (config->is_set("run", "pids-limit")) {
    plan.pids_limit = config->integer("run", "pids-limit");
    plan.container.podman_options.push_back(fmt::format("--pids-limit={}", plan.pids_limit));
  }
  plan.log = FCVM_TRY(log_driver(*config, plan.detached, plan.container.tty));
  plan.vmm = FCVM_TRY(choose_vmm(invocation, config->text("run", "vmm")));
  plan.image_plugin = FCVM_TRY(choose_image_plugin(invocation, config->text("run", "image-mode")));
  FCVM_TRY(choose_guest(plan, store->paths(), *config));
  plan.make_disk = [templates = store->paths().templates()](const fs::path& path,
                                                            std::uint64_t bytes) {
    return setup::make_writable_disk(templates, path, bytes);
  };
  return plan;
}

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
      {"disk_bytes", plan.disk_bytes},
      {"disk_rates", describe_rates(plan.disk_rates)},
      {"pids_limit", plan.pids_limit},
      {"timeout_ms", plan.lifetime.value_or(std::chrono::milliseconds(0)).count()},
      {"stop_timeout_ms", plan.stop_grace.count()},
      {"kernel", plan.assets.kernel.string()},
      {"initrd", plan.assets.initrd.string()},
      {"base_image", plan.assets.base_image.string()}};
  return whole.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace fcvm::cli
