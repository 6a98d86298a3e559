// The modules that an initrd carries: found in a tree (lib/modules/VERSION), put in an order in
// which each finds what it needs, and unpacked.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::setup {

struct WantedModule {
  const char* name;
  bool required;  // without it, in the kernel or in a file, guests cannot run
};

/// What a guest needs before its root is mounted, in the order in which it should be there.
[[nodiscard]] const std::vector<WantedModule>& wanted_modules();

class ModuleTree {
 public:
  /// Files below `directory`, and what its modules.builtin lists.
  [[nodiscard]] static Result<ModuleTree> scan(const std::filesystem::path& directory);

  [[nodiscard]] bool built_in(const std::string& name) const { return built_in_.contains(name); }
  /// Null when there is no such file.
  [[nodiscard]] const std::filesystem::path* file(const std::string& name) const;

 private:
  std::map<std::string, std::filesystem::path> files_;
  std::set<std::string> built_in_;
};

struct Module {
  std::string file{};   // "virtio_blk.ko"
  std::string bytes{};  // unpacked
};

struct ModuleChoice {
  std::vector<Module> modules{};       // in load order
  std::vector<std::string> missing{};  // required, and neither built in nor in a file
};

/// The wanted ones that are not built in, each after what it depends on.
[[nodiscard]] Result<ModuleChoice> choose_modules(const ModuleTree& tree,
                                                  const std::vector<WantedModule>& wanted,
                                                  const std::filesystem::path& scratch);

}  // namespace fcvm::setup
