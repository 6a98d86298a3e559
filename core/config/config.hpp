// The effective configuration: every option's value, with the place it came from.
//
// Asking for an option which no table has, or for another type than it has, is a mistake in fcvm's
// own code: it aborts with the name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/option.hpp"
#include "core/config/origin.hpp"

namespace fcvm::config {

struct Sources;  // what was read, kept for plugin sections that are validated later

struct Entry {
  const Option* option = nullptr;
  std::optional<Value> value{};  // empty: not set, and no default
  Origin origin{};
  std::map<std::string, Origin> key_origins{};  // of a map, whose keys may come from many places
};

struct Section {
  std::string name{};
  std::shared_ptr<const OptionTable> table{};
  std::vector<Entry> entries{};  // in the order of the table
};

/// For whoever is about to use what the section configures: loading does not insist, since most
/// commands use few plugins.
[[nodiscard]] Result<void> check_required(const Section& section);

/// A [plugin.<id>] that no table has been seen for yet.
struct UncheckedPlugin {
  std::string id{};
  Origin origin{};
};

class Config {
 public:
  explicit Config(std::shared_ptr<const Sources> sources) : sources_(std::move(sources)) {}

  // An option that is not set answers with the zero of its type: "", false, 0, empty.
  [[nodiscard]] const std::string& text(std::string_view section, std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view section, std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view section, std::string_view name) const;
  [[nodiscard]] std::uint64_t size(std::string_view section, std::string_view name) const;
  [[nodiscard]] Duration duration(std::string_view section, std::string_view name) const;
  [[nodiscard]] const List& list(std::string_view section, std::string_view name) const;
  [[nodiscard]] const Map& map(std::string_view section, std::string_view name) const;

  /// Whether a user or an administrator gave it: true above the built-in layer.
  [[nodiscard]] bool is_set(std::string_view section, std::string_view name) const;
  [[nodiscard]] const Origin& origin(std::string_view section, std::string_view name) const;

  /// Every section with every option, set or not: what `config show` prints.
  [[nodiscard]] const std::vector<Section>& sections() const { return sections_; }
  /// Null when there is no such section (a plugin that was not found).
  [[nodiscard]] const Section* section(std::string_view name) const;

  /// Makes the sections `plugin.<id>` of all plugins in `plugins` (their tables are copied), and
  /// reports every mistake in them. A section of a plugin that is not there is a mistake if its id
  /// is nearly that of one which is, else a warning: a conffile outlives its package.
  [[nodiscard]] Result<void> validate_plugin_sections(const PluginTables& plugins);
  [[nodiscard]] const std::vector<UncheckedPlugin>& unchecked_plugins() const { return unchecked_; }

  /// The selected profile, or empty; and the names of all, sorted.
  [[nodiscard]] const std::string& profile() const { return profile_; }
  [[nodiscard]] const std::vector<std::string>& profiles() const { return profiles_; }

  /// For the caller to print: FCVM_ variables that match nothing, sections of absent plugins.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  /// The files that were read, lowest layer first.
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  /// Those that are there, and of which nothing could be read.
  [[nodiscard]] const std::vector<std::string>& unread_files() const { return unread_files_; }

 private:
  friend class Loader;
  friend class PluginLoader;

  [[nodiscard]] const Entry& entry(std::string_view section, std::string_view name) const;
  template <typename T>
  [[nodiscard]] const T& get(std::string_view section, std::string_view name) const;

  std::shared_ptr<const Sources> sources_;
  std::vector<Section> sections_;
  std::vector<UncheckedPlugin> unchecked_;
  std::string profile_;
  std::vector<std::string> profiles_;
  std::vector<std::string> warnings_;
  std::vector<std::string> files_;
  std::vector<std::string> unread_files_;
};

}  // namespace fcvm::config
