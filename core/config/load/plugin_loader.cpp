#include "core/config/load/plugin_loader.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/config/environment.hpp"
#include "core/config/load/section_builder.hpp"
#include "core/config/nearest.hpp"
#include "core/config/tables.hpp"

namespace fcvm::config {

PluginLoader::PluginLoader(Config& config, Problems& problems)
    : config_(config), sources_(*config.sources_), problems_(problems) {
  collect();
}

/// An id is kind.name, so [plugin.net.rootless] is a table in a table; [plugin."net.rootless"] is
/// the same.
void PluginLoader::collect() {
  for (const Document& document : sources_.documents) {
    for (const Member& top : document.root.members) {
      if (top.key != "plugin" || !top.value.is_table()) continue;
      for (const Member& member : top.value.members) {
        const bool whole_id = member.key.find('.') != std::string::npos;
        whole_id ? add_part(document, member.key, member) : collect_kind(document, member);
      }
    }
  }
}

void PluginLoader::collect_kind(const Document& document, const Member& kind) {
  if (!kind.value.is_table()) {
    problems_.add(document.origin(kind.at),
                  "`" + kind.key + "` stands right in [plugin]; a plugin's options are in " +
                      "[plugin.KIND.NAME]");
    return;
  }
  for (const Member& member : kind.value.members) {
    add_part(document, kind.key + "." + member.key, member);
  }
}

void PluginLoader::add_part(const Document& document, const std::string& id, const Member& member) {
  if (member.value.is_table()) {
    parts_[id].push_back({&document, &member.value, member.at});
    return;
  }
  problems_.add(document.origin(member.at), "`" + member.key + "` must be a plugin's section, " +
                                                "[plugin." + id + "], not " +
                                                std::string(describe(member.value.kind)));
}

void PluginLoader::postpone() {
  config_.unchecked_.clear();
  for (const auto& [id, parts] : parts_) {
    config_.unchecked_.push_back({id, parts.back().document->origin(parts.back().at)});
  }
}

void PluginLoader::load(const PluginTables& plugins) {
  std::erase_if(config_.sections_,
                [](const Section& section) { return section.name.starts_with("plugin."); });
  std::vector<std::string> known = plugins.ids ? plugins.ids() : std::vector<std::string>();
  if (!plugins.ids) {
    for (const auto& [id, parts] : parts_) {
      if (plugins.find(id) != nullptr) known.push_back(id);
    }
  }
  std::sort(known.begin(), known.end());
  for (const std::string& id : known) {
    const OptionTable* table = plugins.find(id);
    if (table != nullptr) build(*table, id);
  }
  config_.unchecked_.clear();
  refuse_unknown(known);
  warn_of_variables(plugins, known);
}

void PluginLoader::build(const OptionTable& table, const std::string& id) {
  auto copy = std::make_shared<OptionTable>(table);
  copy->section = "plugin." + id;
  SectionBuilder section(copy, problems_);
  section.built_in(sources_.built_in);
  for (const Part& part : parts_[id]) {
    section.file_table(*part.document, *part.table, {part.document->layer, {}, 0, 0, {}});
  }
  section.environment(sources_.environment);
  section.command_line(sources_.command_line);
  config_.sections_.push_back(section.take());
}

void PluginLoader::refuse_unknown(const std::vector<std::string>& known) {
  for (const auto& [id, parts] : parts_) {
    if (std::binary_search(known.begin(), known.end(), id)) continue;
    for (const Part& part : parts) {
      // What is installed with fcvm may speak of plugins that a package of their own has.
      if (part.document->layer == Layer::kShare) continue;
      warn(to_string(part.document->origin(part.at)) + ": [plugin." + id +
           "] has no effect: there is no such plugin" + did_you_mean(id, known));
    }
  }
  for (const Assignment& assignment : sources_.command_line) {
    if (!assignment.section.starts_with("plugin.")) continue;
    const std::string id = assignment.section.substr(7);
    if (std::binary_search(known.begin(), known.end(), id)) continue;
    problems_.add({Layer::kCommandLine, {}, 0, 0, assignment.spelled},
                  "there is no plugin `" + id + "`" + did_you_mean(id, known));
  }
}

/// Only now, since a plugin may name any variable its own.
void PluginLoader::warn_of_variables(const PluginTables& plugins,
                                     const std::vector<std::string>& known) {
  std::set<std::string> names;
  for (const OptionTable& table : core_tables()) names.merge(SectionBuilder::variables(table));
  for (const std::string& id : known) {
    const OptionTable* table = plugins.find(id);
    if (table == nullptr) continue;
    OptionTable named = *table;
    named.section = "plugin." + id;
    names.merge(SectionBuilder::variables(named));
  }
  for (std::string& text : unmatched_variables(sources_.environment, names)) {
    warn(std::move(text));
  }
}

void PluginLoader::warn(std::string text) {
  auto& all = config_.warnings_;
  if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(std::move(text));
}

}  // namespace fcvm::config
