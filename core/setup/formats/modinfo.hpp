// What a kernel module says about itself: its ELF section .modinfo. Debian's kernel package has no
// modules.dep (depmod runs when it is installed), so dependencies are read from the modules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::setup {

struct ModInfo {
  std::string name{};
  std::vector<std::string> depends{};  // names, with underscores
};

/// `module` is an uncompressed one, 64-bit little-endian.
[[nodiscard]] Result<ModInfo> read_modinfo(std::string_view module);

/// "virtio-rng.ko.xz" and "virtio_rng" are one module: virtio_rng.
[[nodiscard]] std::string module_name(std::string_view file_or_name);

}  // namespace fcvm::setup
