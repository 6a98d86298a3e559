// Registry: every plugin that this fcvm could use, found and described but not loaded; and those
// that it found and could not use, with the reason.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/option.hpp"
#include "core/plugin/descriptor.hpp"
#include "core/plugin/finder.hpp"
#include "core/plugin/loader.hpp"

namespace fcvm::plugin {

struct Entry {
  Descriptor descriptor;
  std::filesystem::path path;  // empty for one that is part of this process
  const fcvm_plugin* table = nullptr;
  std::filesystem::path rival{};  // another file with this id: to use either would be a guess

  /// "/usr/lib/fcvm/plugins/net.rootless.so", or "built in".
  [[nodiscard]] std::string where() const;
};

struct Rejected {
  std::filesystem::path path;
  Error error;
};

class Registry {
 public:
  /// Finds and describes everything below the search path. Never fails as a whole: what is wrong
  /// with one file is in rejected().
  [[nodiscard]] static Registry scan(const SearchPath& search);

  /// Adds one that is part of this process. EEXIST, naming both, when its id is taken.
  Result<void> add_table(const fcvm_plugin* table);

  /// Sorted by id.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] const std::vector<Rejected>& rejected() const { return rejected_; }

  /// By id ("net.rootless"), or by name alone where only one plugin has it. ENOENT says what there
  /// is and, when a file of that name was rejected, why.
  [[nodiscard]] Result<const Entry*> find(std::string_view id_or_name) const;
  /// `--network rootless` or `--network net.rootless`: family "net".
  [[nodiscard]] Result<const Entry*> find(std::string_view family, std::string_view name) const;

  /// Loads the object of an entry into this process.
  [[nodiscard]] static Result<Object> load(const Entry& entry);

  /// For core/config: valid as long as this registry is.
  [[nodiscard]] config::PluginTables tables() const;

 private:
  Result<void> add(Entry entry);
  static Result<const Entry*> sole(const Entry& entry);
  [[nodiscard]] Unexpected not_found(std::string_view what, std::string_view family) const;

  std::vector<Entry> entries_;
  std::vector<Rejected> rejected_;
};

}  // namespace fcvm::plugin
