// An option, declared once: the command line, TOML, the environment, --help, the man page and the
// sample file all come from its row in a table.
//
// Members are owning strings, because a plugin's table is built at run time from memory that goes
// away with the plugin.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::config {

enum class Type { kText, kBoolean, kInteger, kSize, kDuration, kList, kMap };

/// What an entry of a map option means when it has no `=`: `--label x` is an empty label, `--env X`
/// passes on the host's X if there is one (as in podman), anything else is refused.
enum class BareKey { kRefused, kEmpty, kFromEnvironment };

/// Bounds of an integer or, in bytes, of a size; both are allowed values.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

struct Option {
  std::string name{};  // kebab-case; the same on the command line and in TOML
  Type type = Type::kText;
  std::string initial{};  // the default, as a user would write it; empty: not set
  std::string help{};     // one line, without a full stop
  bool secret = false;    // printed as ********
  bool required = false;
  char letter = 0;                         // -e for --env
  std::vector<std::string> aliases{};      // `cpu` for `cpus`, in TOML too
  std::vector<std::string> environment{};  // besides FCVM_<SECTION>_<NAME>
  std::vector<std::string> choices{};      // of a text, or of each item of a list
  std::optional<Range> range{};
  std::uint64_t unit = 1;  // of a size written as a bare number: kMiB for --mem 1024
  std::string in_bytes{};  // the alias under which a bare number counts bytes, which the letter is
                           // short for: `memory` for `mem`
  char separator = ',';    // between the items of a list or map in an environment variable
  BareKey bare_key = BareKey::kRefused;  // of a map
  std::string bare{};  // what the option alone means on a command line, where it need not be given
                       // a value: then that stands behind a `=`

  /// What it is when it is called by this name, one of its own.
  [[nodiscard]] Option as(std::string_view called) const;
};

struct OptionTable {
  std::string section{};  // "run", "plugin.net.rootless"
  std::string help{};
  std::vector<Option> options{};

  /// By name or alias; null when there is none.
  [[nodiscard]] const Option* find(std::string_view name) const;
  /// The names and aliases of all options.
  [[nodiscard]] std::vector<std::string> names() const;
};

/// The option tables of the plugins that were found, by id ("net.rootless").
struct PluginTables {
  std::function<const OptionTable*(std::string_view id)> find{};
  std::function<std::vector<std::string>()> ids{};

  explicit operator bool() const { return static_cast<bool>(find); }
};

struct Size {
  std::uint64_t bytes = 0;
  friend bool operator==(const Size&, const Size&) = default;
};
using Duration = std::chrono::milliseconds;
using List = std::vector<std::string>;
using Map = std::map<std::string, std::string>;

/// The alternatives stand in the order of Type.
using Value = std::variant<std::string, bool, std::int64_t, Size, Duration, List, Map>;

/// The zero of an option's type: what a getter answers for an option that is not set.
[[nodiscard]] Value zero(Type type);

/// Parses what a user wrote in one piece: `512M`, `10s`, `KEY=VALUE`. A list or map gets one item.
/// The error says what was expected; it names neither the option nor the place.
[[nodiscard]] Result<Value> parse(const Option& option, std::string_view text);

/// Parses every occurrence of an option: the last wins, or all are items of the list or map.
[[nodiscard]] Result<Value> parse(const Option& option, const std::vector<std::string>& texts);

/// Parses a default or an environment variable: the items of a list or map stand between the
/// option's separators, empty ones not counting.
[[nodiscard]] Result<Value> parse_separated(const Option& option, std::string_view text);

/// Checks choices and range of a value that already has the right type.
[[nodiscard]] Result<void> check_limits(const Option& option, const Value& value);

/// What parse() turns back into the same value; items of lists and maps are joined by the option's
/// separator.
[[nodiscard]] std::string to_text(const Option& option, const Value& value);
[[nodiscard]] std::string to_text(Size size);
[[nodiscard]] std::string to_text(Duration duration);

/// "a size such as `512M` or `2G`", for error messages and help.
[[nodiscard]] std::string_view describe(Type type);

/// "text", "size"...
[[nodiscard]] std::string_view to_string(Type type);

}  // namespace fcvm::config
