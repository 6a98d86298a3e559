#include "core/plugin/registry.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/config/nearest.hpp"
#include "core/plugin/scan.hpp"

namespace fcvm::plugin {

std::string Entry::where() const { return path.empty() ? "built in" : path.string(); }

Registry Registry::scan(const SearchPath& search) {
  Registry registry;
  std::vector<std::filesystem::path> loadable;
  for (auto& candidate : find_plugins(search)) {
    if (candidate.refused) {
      registry.rejected_.push_back({std::move(candidate.path), *std::move(candidate.refused)});
    } else {
      loadable.push_back(std::move(candidate.path));
    }
  }
  for (auto& found : plugin::scan(loadable)) {
    if (!found.descriptor) {
      registry.rejected_.push_back({std::move(found.path), std::move(found.descriptor).error()});
      continue;
    }
    auto added = registry.add({*std::move(found.descriptor), found.path, nullptr});
    if (!added) registry.rejected_.push_back({found.path, std::move(added).error()});
  }
  return registry;
}

Result<void> Registry::add_table(const fcvm_plugin* table) {
  const Object object = FCVM_TRY(Object::from_table(table));
  return add({FCVM_TRY(describe(object.table())), {}, table});
}

Result<void> Registry::add(Entry entry) {
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), entry,
      [](const Entry& a, const Entry& b) { return a.descriptor.id < b.descriptor.id; });
  if (at != entries_.end() && at->descriptor.id == entry.descriptor.id) {
    at->rival = entry.path;
    return fail(EEXIST,
                fmt::format("plugin {}: its id {} is already that of {}", entry.where(),
                            entry.descriptor.id, at->where()),
                "remove one of the two");
  }
  entries_.insert(at, std::move(entry));
  return {};
}

Unexpected Registry::not_found(std::string_view what, std::string_view family) const {
  std::vector<std::string> known;
  for (const Entry& entry : entries_) {
    if (family.empty()) {
      known.push_back(entry.descriptor.id);
    } else if (entry.descriptor.family() == family) {
      known.emplace_back(entry.descriptor.name());
    }
  }
  const auto stem = family.empty() ? std::string(what) : fmt::format("{}.{}", family, what);
  for (const Rejected& rejected : rejected_) {
    if (rejected.path.stem() == stem) {
      return fail(ENOENT, fmt::format("no usable plugin {}: {}", stem, rejected.error.message()),
                  rejected.error.remedy());
    }
  }
  return fail(
      ENOENT,
      fmt::format("no {}plugin is called \"{}\"{}; there {}",
                  family.empty() ? "" : fmt::format("{} ", family), what,
                  config::did_you_mean(what, known),
                  known.empty() ? "is none" : fmt::format("are: {}", fmt::join(known, ", "))),
      "fcvm plugin ls");
}

Result<const Entry*> Registry::sole(const Entry& entry) {
  if (entry.rival.empty()) return &entry;
  return fail(EEXIST,
              fmt::format("two plugins have the id {}: {} and {}", entry.descriptor.id,
                          entry.where(), entry.rival.string()),
              "remove one of the two");
}

Result<const Entry*> Registry::find(std::string_view id_or_name) const {
  std::vector<const Entry*> named;
  for (const Entry& entry : entries_) {
    if (entry.descriptor.id == id_or_name) return sole(entry);
    if (entry.descriptor.name() == id_or_name) named.push_back(&entry);
  }
  if (named.size() == 1) return sole(*named.front());
  if (named.empty()) return not_found(id_or_name, "");
  std::vector<std::string> ids;
  for (const Entry* entry : named) ids.push_back(entry->descriptor.id);
  return fail(EINVAL, fmt::format("\"{}\" is the name of several plugins", id_or_name),
              fmt::format("name one of: {}", fmt::join(ids, ", ")));
}

Result<const Entry*> Registry::find(std::string_view family, std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.descriptor.family() != family) continue;
    if (entry.descriptor.name() == name || entry.descriptor.id == name) return sole(entry);
  }
  return not_found(name, family);
}

Result<Object> Registry::load(const Entry& entry) {
  if (entry.table != nullptr) return Object::from_table(entry.table);
  // Again, because the file may have changed since it was scanned.
  return Object::from_path(FCVM_TRY(check_file(entry.path)));
}

config::PluginTables Registry::tables() const {
  return {.find = [this](std::string_view id) -> const config::OptionTable* {
            for (const Entry& entry : entries_) {
              if (entry.descriptor.id == id) return &entry.descriptor.options;
            }
            return nullptr;
          },
          .ids =
              [this] {
                std::vector<std::string> ids;
                for (const Entry& entry : entries_) ids.push_back(entry.descriptor.id);
                return ids;
              }};
}

}  // namespace fcvm::plugin
