// See load.hpp.
#include "core/config/load.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/config/load/layers.hpp"
#include "core/config/load/plugin_loader.hpp"
#include "core/config/load/profiles.hpp"
#include "core/config/load/section_builder.hpp"
#include "core/config/nearest.hpp"
#include "core/config/tables.hpp"

namespace fcvm::config {

/// The work of load(), in the order of its methods.
class Loader {
 public:
  Loader(const LoadRequest& request, Problems& problems);

  [[nodiscard]] Config run();

 private:
  void read_files();
  void check_top_level();
  void check_top_level(const Document& document, const Member& member);
  void check_assignments();
  void build(const OptionTable& table, const Profiles& profiles);
  void select_profile();

  const LoadRequest& request_;
  Problems& problems_;
  std::shared_ptr<Sources> sources_ = std::make_shared<Sources>();
  Config config_{sources_};
  Origin profile_asked_by_{};
};

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
  return std::move(config_);
}

void Loader::read_files() {
  for (const LayerFile& file : layer_files(request_, problems_)) {
    Document document;
    if (!read_document(file.layer, file.path, file.absent, document, problems_)) {
      std::error_code unclear;
      const bool is_there = std::filesystem::exists(file.path, unclear) || unclear;
      if (is_there) config_.unread_files_.push_back(document.path);
      continue;
    }
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

Config load_what_is_right(const LoadRequest& request, Problems& problems) {
  Config config = Loader(request, problems).run();
  problems.sort();
  return config;
}

Result<Config> load(const LoadRequest& request) {
  Problems problems;
  Config config = load_what_is_right(request, problems);
  const auto& all = problems.all();
  const bool only_typed = std::all_of(all.begin(), all.end(), [](const Problem& problem) {
    return problem.where.layer == Layer::kCommandLine;
  });
  FCVM_TRY(problems.result() | remedy(only_typed ? "" : kCheckAgain));
  return config;
}

namespace {

void check_one(LoadRequest request, const std::filesystem::path& file, CheckReport& report) {
  request.config_file = file;
  Problems all(10'000);  // those of other files must not crowd out this one's
  const Config config = Loader(request, all).run();
  all.sort();
  for (const Problem& problem : all.all()) {
    const bool own = problem.where.layer == Layer::kFile && problem.where.file == file.string();
    if (own) report.problems.add(problem.where, problem.message);
  }
  for (const auto& warning : config.warnings()) {
    if (warning.starts_with(file.string() + ":")) report.warnings.push_back(warning);
  }
  const auto& files = config.files();
  if (std::find(files.begin(), files.end(), file.string()) != files.end()) {
    report.files.push_back(file.string());
  }
}

}  // namespace

CheckReport check(const LoadRequest& request, const std::vector<std::filesystem::path>& files) {
  CheckReport report;
  for (const std::filesystem::path& file : files) check_one(request, file, report);
  if (!files.empty()) return report;
  const Config config = Loader(request, report.problems).run();
  report.problems.sort();
  report.files = config.files();
  report.warnings = config.warnings();
  return report;
}

}  // namespace fcvm::config
