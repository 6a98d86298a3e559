#include "core/setup/formats/modinfo.hpp"

#include <algorithm>

#include "core/elf/elf.hpp"

namespace fcvm::setup {
namespace {

std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (comma > 0) names.push_back(module_name(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

}  // namespace

std::string module_name(std::string_view file_or_name) {
  std::string name(file_or_name.substr(0, file_or_name.find(".ko")));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Result<ModInfo> read_modinfo(std::string_view module) {
  std::string_view section = FCVM_TRY(elf::read_section(module, ".modinfo"));
  ModInfo info;
  while (!section.empty()) {
    const auto line = section.substr(0, section.find('\0'));
    if (line.starts_with("name=")) info.name = module_name(line.substr(5));
    if (line.starts_with("depends=")) info.depends = split_names(line.substr(8));
    section.remove_prefix(std::min(line.size() + 1, section.size()));
  }
  return info;
}

}  // namespace fcvm::setup
