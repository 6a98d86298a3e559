// Where a value came from: the layers, lowest first, and a place in one of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fcvm::config {

/// A later layer overrides an earlier one.
enum class Layer {
  kBuiltIn,
  kShare,         // <prefix>/share/fcvm/fcvm.toml
  kSystem,        // /etc/fcvm/fcvm.toml
  kSystemDropIn,  // /etc/fcvm/conf.d/*.toml, sorted by name
  kUser,          // $XDG_CONFIG_HOME/fcvm/fcvm.toml
  kUserDropIn,    // $XDG_CONFIG_HOME/fcvm/conf.d/*.toml
  kFile,          // --config FILE
  kProfile,       // [profile.NAME], wherever it was read
  kEnvironment,
  kCommandLine,
};

[[nodiscard]] std::string_view to_string(Layer layer);

struct Origin {
  Layer layer = Layer::kBuiltIn;
  std::string file{};  // of a file layer or a profile
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string name{};  // the environment variable, the option as it was typed, or the profile
};

/// "built-in", "/etc/fcvm/fcvm.toml:3:1", "profile big, /etc/fcvm/fcvm.toml:9:1",
/// "environment FCVM_LOG", "command line --cpus".
[[nodiscard]] std::string to_string(const Origin& origin);

}  // namespace fcvm::config
