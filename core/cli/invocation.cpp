#include "core/cli/invocation.hpp"

#include <algorithm>

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

/// Takes the name that a variable of the original fcvm has by now.
config::Environment with_former_names(const config::Environment& environment) {
  auto variables = environment.all();
  const auto former = variables.find("FCVM_FIRECRACKER_BIN");
  if (former != variables.end()) {
    variables.emplace("FCVM_PLUGIN_VMM_FIRECRACKER_BINARY", former->second);
    variables.erase(former);
  }
  return config::Environment(std::move(variables));
}

void warn_of_ignored(const config::Environment& environment) {
  for (const auto& name : environment.ignored()) {
    log::warning("config",
                 "{} is ignored, since another user became root by sudo, doas or pkexec: set it in "
                 "/etc/fcvm/fcvm.toml, or log in as root",
                 name);
  }
}

}  // namespace

config::LoadRequest Invocation::load_request() const {
  config::LoadRequest request;
  const auto environment = config::Environment::of_process();
  warn_of_ignored(environment);
  request.environment = with_former_names(environment);
  request.share_file = layout_.share / "fcvm.toml";
  if (given("config")) request.config_file = value("config");
  request.profile = value("profile");
  request.built_in = default_paths();
  request.command_line = line_.run_assignments;
  for (const char* name : {"level", "format"}) {
    const auto option = std::string("log-") + name;
    if (given(option)) request.command_line.push_back({"log", name, value(option), "--" + option});
  }
  return request;
}

Result<config::Config*> Invocation::config() {
  if (!config_) {
    config_ = FCVM_TRY(config::load(load_request()) | remedy(line_.help));
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
  FCVM_TRY(config->validate_plugin_sections(registry_->tables()));
  for (std::size_t i = told; i < config->warnings().size(); ++i) {
    log::warning("config", "{}", config->warnings()[i]);
  }
  return &*registry_;
}

Result<vm::Store*> Invocation::store() {
  if (store_) return &*store_;
  const config::Config* config = FCVM_TRY(this->config());
  vm::Paths paths{config->text("paths", "data-dir"), config->text("paths", "runtime-dir")};
  if (paths.data.empty() || paths.runtime.empty()) {
    return fail(ENOENT, "there is no home directory to keep VMs in",
                "set HOME, or FCVM_DATA_DIR and [paths] runtime-dir");
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

}  // namespace fcvm::cli
