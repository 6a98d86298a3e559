// Where the parts of this installation are, found from the running program: a build tree and any
// install prefix have the same layout.
#pragma once

#include <filesystem>

#include <fcvm/result.hpp>

namespace fcvm::cli {

struct Layout {
  std::filesystem::path bin;      // this program and fcvm-plugin-check
  std::filesystem::path plugins;  // lib/fcvm/plugins
  std::filesystem::path libexec;  // libexec/fcvm
  std::filesystem::path share;    // share/fcvm

  [[nodiscard]] static Result<Layout> of_this_program();
};

}  // namespace fcvm::cli
