// Verb: one command of the CLI as data (its words, options and help) and the function that runs it.
// A verb is a file of its own; verbs.cpp lists them all.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/option.hpp"

namespace fcvm::cli {

class Invocation;

/// podman's exit codes, which are also ours.
inline constexpr int kExitFailure = 125;
inline constexpr int kExitCannotExecute = 126;
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitSignalBase = 128;  // and the number of the signal

inline constexpr std::size_t kAnyNumber = static_cast<std::size_t>(-1);

/// What words name, for completion.
enum class Names {
  kNothing,
  kVms,
  kLiveVms,
  kPausedVms,
  kImages,  // in registries and files, too
  kStoredImages,
  kPlugins,
  kShells,
  kFiles
};

struct Positionals {
  std::size_t min = 0;
  std::size_t max = 0;
  /// Everything after the first positional belongs to the container's command, dashes and all.
  bool first_ends_options = false;
  Names names = Names::kNothing;
  std::size_t named = kAnyNumber;  // how many of them have such a name
};

struct Verb {
  std::string name{};                  // "plugin ls"
  std::vector<std::string> aliases{};  // "run" for "podman run"
  std::string arguments{};             // "[--json]": what follows the name in the usage line
  std::string summary{};               // one line, without a full stop
  std::string details{};               // paragraphs and examples below the options in --help
  std::vector<config::Option> options{};
  /// False for a verb that must work while the configuration is broken.
  bool reads_configuration = true;
  /// True for a verb with which a VM is seen, or ended: of a configuration with mistakes it takes
  /// what is right, and tells the rest.
  bool bears_mistakes = false;
  bool tells_mistakes = true;      // false for a bearer whose own output says what they are
  bool hidden = false;             // for scripts and builds: not in the help
  bool takes_run_options = false;  // every option of [run], as `podman run` has them
  Positionals positionals{};
  Result<int> (*run)(Invocation&) = nullptr;  // the exit code
};

/// Every verb, in the order of --help.
[[nodiscard]] const std::vector<Verb>& verbs();

/// Options that every verb has: --config --profile --log-level --log-format --help.
[[nodiscard]] const std::vector<config::Option>& global_options();

}  // namespace fcvm::cli
