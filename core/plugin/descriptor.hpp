// Descriptor: what a plugin says of itself, copied out of it and checked, so that it can be shown,
// sent between processes and kept after the plugin is gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>

#include "core/config/option.hpp"

namespace fcvm::plugin {

struct Descriptor {
  std::string id;    // "net.rootless"
  std::string kind;  // "net/1"
  std::string version;
  std::string summary;
  std::string min_host_version;
  std::uint64_t capabilities = 0;
  std::int32_t preference = 0;  // the most that its probe will answer
  config::OptionTable options;  // of the section "plugin.<id>"

  /// "net" of "net.rootless", and "rootless": what `--network rootless` names.
  [[nodiscard]] std::string_view family() const;
  [[nodiscard]] std::string_view name() const;
};

/// Asks a loaded plugin, and refuses an answer that this host cannot work with, saying why.
[[nodiscard]] Result<Descriptor> describe(const fcvm_plugin& plugin);

/// The bits as words: {"ipv6", "publish"}; a bit that this host does not know is "bit-17".
[[nodiscard]] std::vector<std::string> capability_names(std::string_view kind, std::uint64_t bits);

[[nodiscard]] std::string to_json(const Descriptor& descriptor);
[[nodiscard]] Result<Descriptor> descriptor_from_json(std::string_view json);

}  // namespace fcvm::plugin
