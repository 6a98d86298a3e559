// Reads the layers (origin.hpp has their order) and merges them into a Config.
//
// Merging: a later layer replaces a scalar and a list as a whole; maps (`env`, `label`) merge key
// by key. The command line is not an exception: `--dns` replaces what the files list, `--env A=1`
// adds to it. Within a layer, repeated command-line options are the items of the list.
//
// Profiles: [profile.NAME] may set every option of [run] and `inherits = "OTHER"`. The definitions
// of one profile in several files merge by key, a later layer winning; then a profile overrides the
// one it inherits from, whatever layer either was read in.
//
// Environment: FCVM_<SECTION>_<NAME>, dashes and dots as underscores, and the extra names of an
// option's row, the general name winning. FCVM_CONFIG_ROOT stands before /etc and the share file.
// FCVM_PROFILE selects a profile unless `profile` does.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/config/environment.hpp"
#include "core/config/option.hpp"
#include "core/config/problem.hpp"

namespace fcvm::config {

/// One occurrence of an option: {"run", "cpus", "4", "--cpu"}.
struct Assignment {
  std::string section{};
  std::string name{};  // or an alias
  std::string text{};
  std::string spelled{};  // for messages; `--name` when empty
};

struct LoadRequest {
  Environment environment = Environment::of_process();
  std::filesystem::path share_file = "/usr/share/fcvm/fcvm.toml";  // <prefix>/share/fcvm/fcvm.toml
  std::optional<std::filesystem::path> config_file{};              // --config; must exist
  std::string profile{};                                           // --profile
  std::vector<Assignment> command_line{};
  std::vector<Assignment> built_in{};  // defaults only known at run time, such as paths.data-dir
  PluginTables plugins{};              // without: [plugin.*] is kept for validate_plugin_sections()
};

/// Every mistake in the configuration is in the one error, a line each, at most Problems::kMost. It
/// has no remedy where all of them were typed: the caller knows the command line.
[[nodiscard]] Result<Config> load(const LoadRequest& request);

/// What of the configuration is right; the mistakes are added to `problems`.
[[nodiscard]] Config load_what_is_right(const LoadRequest& request, Problems& problems);

struct CheckReport {
  std::vector<std::string> files{};  // that were read
  Problems problems{};
  std::vector<std::string> warnings{};
};

/// `fcvm config check [FILE...]`: without files, all layers as load() would read them. Each given
/// file is checked as the top layer, so that its profiles may inherit from installed ones; only its
/// own problems are reported.
[[nodiscard]] CheckReport check(const LoadRequest& request,
                                const std::vector<std::filesystem::path>& files = {});

}  // namespace fcvm::config
