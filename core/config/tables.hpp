// The core's own option tables. A new core option is a row in tables.cpp and nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/option.hpp"

namespace fcvm::config {

/// [log] [paths] [jail] [setup] [serve] [run], in the order in which they are shown.
[[nodiscard]] const std::vector<OptionTable>& core_tables();

/// One of the above; null when there is none of that name.
[[nodiscard]] const OptionTable* core_table(std::string_view section);

/// Every `podman run` option: what [run] and each [profile.NAME] may set.
[[nodiscard]] const OptionTable& run_table();

/// "; it belongs in [run]", when the core has such an option in another section.
[[nodiscard]] std::string belongs_elsewhere(std::string_view key);

/// FCVM_<SECTION>_<NAME>: `FCVM_RUN_ROOTFS_SIZE`, `FCVM_PLUGIN_NET_ROOTLESS_MTU`.
[[nodiscard]] std::string environment_name(std::string_view section, std::string_view name);

}  // namespace fcvm::config
