// See short_names.hpp.
#include "plugins/image/common/short_names.hpp"

#include <algorithm>
#include <filesystem>
#include <unistd.h>
#include <vector>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "plugins/image/common/environment.hpp"

namespace fcvm::archive {
namespace {

namespace fs = std::filesystem;

/// In the order in which they count, the last most.
std::vector<fs::path> registries_files() {
  if (const auto named = variable("CONTAINERS_REGISTRIES_CONF"); !named.empty()) return {named};
  std::vector<fs::path> files = {"/etc/containers/registries.conf"};
  std::vector<fs::path> directories = {"/etc/containers/registries.conf.d"};
  if (::geteuid() != 0) {
    const fs::path home = user_settings();
    std::error_code error;
    if (fs::exists(home / "registries.conf", error)) files = {home / "registries.conf"};
    directories.push_back(home / "registries.conf.d");
  }
  for (const auto& directory : directories) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      if (entry.path().extension() == ".conf") found.push_back(entry.path());
    }
    std::ranges::sort(found);
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

void read(const fs::path& file, const std::string& name, ShortNames& names) {
  const toml::parse_result parsed = toml::parse_file(file.string());
  if (!parsed) return;
  const toml::table& table = parsed.table();
  if (const auto* list = table["unqualified-search-registries"].as_array()) {
    names.registries.clear();
    for (const auto& registry : *list) {
      if (const auto text = registry.value<std::string>()) names.registries.push_back(*text);
    }
  }
  const auto* aliases = table["aliases"].as_table();
  if (aliases == nullptr) return;
  const auto* alias = aliases->get(name);
  if (alias != nullptr) names.alias = alias->value_or("");  // an empty one takes it back
}

}  // namespace

ShortNames look_up_short_name(const std::string& name) {
  ShortNames names;
  std::error_code error;
  for (const auto& file : registries_files()) {
    if (fs::is_regular_file(file, error)) read(file, name, names);
  }
  return names;
}

}  // namespace fcvm::archive
