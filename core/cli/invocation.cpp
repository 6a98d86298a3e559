#include "core/cli/invocation.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "core/cli/default_paths.hpp"
#include "core/cli/recover_plugin.hpp"
#include "core/log/log.hpp"
#include "core/vm/store/gc.hpp"

namespace fcvm::cli {

bool Invocation::given(std::string_view option) const {
  return line_.options.find(option) != line_.options.end();
}

bool Invocation::flag(std::string_view option) const { return value(option) == "true"; }

std::string Invocation::value(std::string_view option, std::string_view otherwise) const {
  const auto at = line_.options.find(option);
  return at == line_.options.end() ? std::string(otherwise) : at->second.back();
}

std::vector<std::string> Invocation::values(std::string_view option) const {
  const auto at = line_.options.find(option);
  return at == line_.options.end() ? std::vector<std::string>() : at->second;
}

namespace {

void warn_of_ignored(const config::Environment& environment) {
  for (const auto& name : environment.ignored()) {
    log::warning("config",
                 "{} is ignored, since another user became root by sudo, doas or pkexec: set it in "
                 "/etc/fcvm/fcvm.toml, or log in as root",
                 name);
  }
}

}  // namespace

namespace {

/// "vmm.qemu.accel=tcg", or "plugin.vmm.qemu.accel=tcg" as in TOML.
Result<config::Assignment> plugin_assignment(std::string_view text) {
  const auto equals = text.find('=');
  std::string_view name = text.substr(0, equals);
  if (name.starts_with("plugin.")) name.remove_prefix(7);
  const auto dot = name.rfind('.');
  const bool whole = equals != std::string_view::npos && dot != std::string_view::npos &&
                     name.find('.') != dot && dot + 1 < name.size();
  if (!whole) {
    return fail(
        EINVAL, fmt::format("--set {}: it is not of the form PLUGIN.OPTION=VALUE", text),
        "for example --set vmm.qemu.accel=tcg; fcvm plugin inspect PLUGIN lists its options");
  }
  return config::Assignment{fmt::format("plugin.{}", name.substr(0, dot)),
                            std::string(name.substr(dot + 1)), std::string(text.substr(equals + 1)),
                            fmt::format("--set {}", name)};
}

}  // namespace

Result<config::LoadRequest> Invocation::load_request() const {
  config::LoadRequest request;
  request.environment = config::Environment::of_process();
  warn_of_ignored(request.environment);
  request.share_file = layout_.share / "fcvm.toml";
  if (given("config")) request.config_file = value("config");
  request.profile = value("profile");
  request.built_in = default_paths();
  request.command_line = line_.run_assignments;
  for (const auto& text : values("set")) {
    request.command_line.push_back(FCVM_TRY(plugin_assignment(text)));
  }
  for (const char* name : {"level", "format"}) {
    const auto option = std::string("log-") + name;
    if (given(option)) request.command_line.push_back({"log", name, value(option), "--" + option});
  }
  return request;
}

namespace {

/// What cannot be read may name another place, and the VMs there would seem to be gone.
void warn_of_lost_paths(const config::Config& config) {
  if (config.unread_files().empty()) return;
  if (config.origin("paths", "data-dir").layer >= config::Layer::kEnvironment) return;
  log::warning("config",
               "{} could not be read, so the VMs of {} are meant: FCVM_DATA_DIR=DIR names "
               "others",
               config.unread_files().back(), config.text("paths", "data-dir"));
}

}  // namespace

Result<config::Config> Invocation::load(const config::LoadRequest& request) const {
  if (!line_.bears_mistakes) return config::load(request);
  config::Problems problems;
  auto config = config::load_what_is_right(request, problems);
  for (const auto& problem : problems.all()) {
    if (problem.where.layer == config::Layer::kCommandLine) return config::load(request);
    if (line_.tells_mistakes) log::warning("config", "{}", problem.text());
  }
  warn_of_lost_paths(config);
  return config;
}

Result<config::Config*> Invocation::config() {
  if (!config_) {
    const auto request = FCVM_TRY(load_request());
    config_ = FCVM_TRY(load(request) | remedy(line_.help));
    if (!line_.tells_mistakes) return &*config_;
    for (const auto& warning : config_->warnings()) log::warning("config", "{}", warning);
  }
  return &*config_;
}

Result<const plugin::Registry*> Invocation::registry() {
  if (registry_) return &*registry_;
  config::Config* config = FCVM_TRY(this->config());
  plugin::SearchPath search;
  for (const auto& directory : config->list("paths", "plugin-dirs")) {
    search.configured.emplace_back(directory);
  }
  search.environment = config::Environment::of_process().get("FCVM_PLUGIN_PATH").value_or("");
  search.installed = layout_.plugins;
  registry_ = plugin::Registry::scan(search);
  const std::size_t told = config->warnings().size();
  if (auto valid = config->validate_plugin_sections(registry_->tables()); !valid) {
    if (!line_.bears_mistakes) return unexpected(std::move(valid).error());
    if (line_.tells_mistakes) log::warning("config", "{}", valid.error().message());
  }
  if (!line_.tells_mistakes) return &*registry_;
  for (std::size_t i = told; i < config->warnings().size(); ++i) {
    log::warning("config", "{}", config->warnings()[i]);
  }
  return &*registry_;
}

Result<vm::Store*> Invocation::store() {
  if (store_) return &*store_;
  const config::Config* config = FCVM_TRY(this->config());
  const auto place = [&](const char* name) -> std::filesystem::path {
    const std::filesystem::path path = config->text("paths", name);
    std::error_code error;
    const auto whole = std::filesystem::absolute(path, error);
    return path.empty() || error ? path : whole.lexically_normal();
  };
  vm::Paths paths{place("data-dir"), place("runtime-dir")};
  if (paths.data.empty() || paths.runtime.empty()) {
    return fail(ENOENT, "there is no home directory to keep VMs in", "set HOME, or FCVM_DATA_DIR");
  }
  FCVM_TRY(prepare_runtime_directory(paths.runtime));
  store_.emplace(std::move(paths));
  return &*store_;
}

Result<std::vector<vm::Record>> Invocation::records() {
  vm::Store* store = FCVM_TRY(this->store());
  auto records = FCVM_TRY(store->all());
  if (std::none_of(records.begin(), records.end(), vm::is_garbage)) return records;
  const auto collected =
      FCVM_TRY(vm::collect_garbage(*store, recover_plugin(*this), {.thorough = false}));
  for (const auto& one : collected) log::info("gc", "VM {}: {}", one.name, one.what);
  return store->all();
}

Result<void> Invocation::name_latest() {
  if (!flag("latest")) return {};
  const auto all = FCVM_TRY(records());
  if (all.empty()) return fail(ENOENT, "--latest: there is no VM", "fcvm run starts one");
  line_.positionals.insert(line_.positionals.begin(), all.back().id);
  return {};
}

}  // namespace fcvm::cli
