#include "core/config/load.hpp"

#include <algorithm>
#include <utility>

#include "core/config/loader.hpp"

namespace fcvm::config {

Result<Config> load(const LoadRequest& request) {
  Problems problems;
  Config config = Loader(request, problems).run();
  problems.sort();
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
