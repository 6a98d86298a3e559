#include "core/config/loader.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/config/nearest.hpp"
#include "core/config/plugin_loader.hpp"
#include "core/config/section_builder.hpp"
#include "core/config/tables.hpp"
#include "core/config/variables.hpp"

namespace fcvm::config {

namespace {

std::vector<std::string> top_level_names() {
  std::vector<std::string> names{"plugin", "profile"};
  for (const OptionTable& table : core_tables()) names.push_back(table.section);
  return names;
}

}  // namespace

Loader::Loader(const LoadRequest& request, Problems& problems)
    : request_(request), problems_(problems) {
  sources_->environment = request.environment;
  sources_->built_in = request.built_in;
  sources_->command_line = request.command_line;
}

Config Loader::run() {
  read_files();
  check_top_level();
  check_assignments();
  select_profile();
  const Profiles profiles(sources_->documents, problems_);
  config_.profiles_ = profiles.names();
  for (const OptionTable& table : core_tables()) build(table, profiles);
  PluginLoader plugins(config_, problems_);
  request_.plugins ? plugins.load(request_.plugins) : plugins.postpone();
  warn_of_variables();
  return std::move(config_);
}

void Loader::read_files() {
  for (const LayerFile& file : layer_files(request_, problems_)) {
    Document document;
    if (!read_document(file.layer, file.path, file.absent, document, problems_)) continue;
    config_.files_.push_back(document.path);
    sources_->documents.push_back(std::move(document));
  }
}

void Loader::check_top_level() {
  for (const Document& document : sources_->documents) {
    for (const Member& member : document.root.members) check_top_level(document, member);
  }
}

void Loader::check_top_level(const Document& document, const Member& member) {
  const std::vector<std::string> names = top_level_names();
  const bool known = std::find(names.begin(), names.end(), member.key) != names.end();
  if (known && !member.value.is_table()) {
    problems_.add(document.origin(member.at), "`" + member.key + "` must be a section, [" +
                                                  member.key + "], not " +
                                                  std::string(describe(member.value.kind)));
  }
  if (known) return;
  const bool section = member.value.is_table();
  const std::string elsewhere = section ? "" : belongs_elsewhere(member.key);
  problems_.add(document.origin(member.at),
                (section ? "unknown section [" + member.key + "]"
                         : "unknown key `" + member.key + "` outside of any section") +
                    (elsewhere.empty() ? did_you_mean(member.key, names) : elsewhere));
}

/// What names no section was asked for by fcvm's own code, not by a user.
void Loader::check_assignments() {
  for (const auto* assignments : {&request_.built_in, &request_.command_line}) {
    for (const Assignment& assignment : *assignments) {
      const bool plugin = assignment.section.starts_with("plugin.");
      if (plugin || core_table(assignment.section) != nullptr) continue;
      problems_.add({Layer::kCommandLine, {}, 0, 0, assignment.spelled},
                    "no section [" + assignment.section + "]");
    }
  }
}

void Loader::select_profile() {
  if (!request_.profile.empty()) {
    config_.profile_ = request_.profile;
    profile_asked_by_ = {Layer::kCommandLine, {}, 0, 0, "--profile"};
  } else if (const auto name = request_.environment.get("FCVM_PROFILE")) {
    config_.profile_ = *name;
    profile_asked_by_ = {Layer::kEnvironment, {}, 0, 0, "FCVM_PROFILE"};
  }
}

void Loader::build(const OptionTable& table, const Profiles& profiles) {
  SectionBuilder section(borrowed(table), problems_);
  section.built_in(sources_->built_in);
  for (const Document& document : sources_->documents) {
    for (const Member& member : document.root.members) {
      if (member.key != table.section || !member.value.is_table()) continue;
      section.file_table(document, member.value, {document.layer, {}, 0, 0, {}});
    }
  }
  if (&table == &run_table() && !config_.profile_.empty()) {
    profiles.apply(config_.profile_, profile_asked_by_, section);
  }
  section.environment(sources_->environment);
  section.command_line(sources_->command_line);
  config_.sections_.push_back(section.take());
}

void Loader::warn_of_variables() {
  std::set<std::string> names;
  for (const OptionTable& table : core_tables()) names.merge(SectionBuilder::variables(table));
  auto warnings = unmatched_variables(request_.environment, names, Variables::kCore);
  std::move(warnings.begin(), warnings.end(), std::back_inserter(config_.warnings_));
}

}  // namespace fcvm::config
