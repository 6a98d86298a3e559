#include "core/cli/layout.hpp"

namespace fcvm::cli {

Result<Layout> Layout::of_this_program() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return fail(error.value(), "finding this program in /proc/self/exe: " + error.message(),
                "mount /proc");
  }
  const auto bin = program.parent_path();
  const auto prefix = bin.parent_path();
  return Layout{bin, prefix / "lib/fcvm/plugins", prefix / "libexec/fcvm", prefix / "share/fcvm"};
}

}  // namespace fcvm::cli
