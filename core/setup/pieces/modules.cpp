#include "core/setup/pieces/modules.hpp"

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/setup/formats/decompress.hpp"
#include "core/setup/formats/modinfo.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestModule = 64 << 20;

/// Walks the dependencies; a module is entered before its own are, so that a cycle ends.
class Chooser {
 public:
  Chooser(const ModuleTree& tree, const fs::path& scratch) : tree_(tree), scratch_(scratch) {}

  Result<void> take(const std::string& name, bool required) {
    if (tree_.built_in(name) || !seen_.insert(name).second) return {};
    const fs::path* path = tree_.file(name);
    if (path == nullptr) {
      if (required) choice_.missing.push_back(name);
      return {};
    }
    return take_file(*path, required) | context("reading the kernel module " + path->string());
  }
  ModuleChoice finish() { return std::move(choice_); }

 private:
  Result<void> take_file(const fs::path& path, bool required) {
    const std::string packed = FCVM_TRY(base::read_file(path, kLargestModule));
    std::string bytes = FCVM_TRY(decompress(packed, compression_of(packed), scratch_));
    const ModInfo info = FCVM_TRY(read_modinfo(bytes));
    for (const auto& needed : info.depends) FCVM_TRY(take(needed, required));
    const std::string file = path.filename();
    choice_.modules.push_back({file.substr(0, file.find(".ko")) + ".ko", std::move(bytes)});
    return {};
  }

  const ModuleTree& tree_;
  const fs::path& scratch_;
  std::set<std::string> seen_;
  ModuleChoice choice_;
};

}  // namespace

const std::vector<WantedModule>& wanted_modules() {
  // Disks first: they probe while the others are loaded.
  static const std::vector<WantedModule> wanted = {
      {"virtio_pci", true},
      {"virtio_mmio", false},
      {"virtio_blk", true},
      {"virtio_console", true},
      {"ext4", true},
      {"overlay", true},
      {"virtio_net", true},
      {"virtio_rng", false},
      {"fuse", false},
      {"vmw_vsock_virtio_transport", false},
      {"virtio_balloon", false},
  };
  return wanted;
}

Result<ModuleTree> ModuleTree::scan(const fs::path& directory) {
  ModuleTree tree;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(directory, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.find(".ko") != std::string::npos && entry->is_regular_file(error)) {
      tree.files_.emplace(module_name(name), entry->path());
    }
  }
  if (error) {
    return fail(error.value(), fmt::format("reading kernel modules in {}: {}", directory.string(),
                                           error.message()));
  }
  const auto listed = base::read_file(directory / "modules.builtin");
  const std::string list = listed ? *listed : std::string();
  for (std::size_t at = 0; at < list.size();) {
    const auto end = std::min(list.find('\n', at), list.size());
    tree.built_in_.insert(module_name(fs::path(list.substr(at, end - at)).filename().string()));
    at = end + 1;
  }
  return tree;
}

const fs::path* ModuleTree::file(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : &found->second;
}

Result<ModuleChoice> choose_modules(const ModuleTree& tree, const std::vector<WantedModule>& wanted,
                                    const fs::path& scratch) {
  Chooser chooser(tree, scratch);
  for (const auto& module : wanted) FCVM_TRY(chooser.take(module.name, module.required));
  return chooser.finish();
}

}  // namespace fcvm::setup
