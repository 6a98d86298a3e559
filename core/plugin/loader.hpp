// Object: a plugin's shared object, open as long as any copy of this handle lives. Owns the use of
// Boost.DLL.
#pragma once

#include <filesystem>
#include <memory>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>

namespace fcvm::plugin {

class Object {
 public:
  /// Loads with RTLD_NOW | RTLD_LOCAL; a missing symbol is found here and not in mid-flight. The
  /// file should have passed check_file().
  [[nodiscard]] static Result<Object> from_path(const std::filesystem::path& path);

  /// A plugin that is part of this process: how tests register one without a file.
  [[nodiscard]] static Result<Object> from_table(const fcvm_plugin* table);

  [[nodiscard]] const fcvm_plugin& table() const { return table_; }

 private:
  Object(std::shared_ptr<const void> library, const fcvm_plugin& table)
      : library_(std::move(library)), table_(table) {}

  std::shared_ptr<const void> library_;
  fcvm_plugin table_;
};

}  // namespace fcvm::plugin
