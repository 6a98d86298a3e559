// fcvm-plugin-check: tells a plugin's author which rules of the interface it breaks.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include <fcvm/sdk/fd.hpp>

#include "plugin-api/check/arguments.hpp"
#include "plugin-api/check/report.hpp"

namespace fcvm::check {
namespace {

constexpr int kUsage = 125;

/// Adds what `name` needs before `name` itself, keeping the order of `all`.
void mark_needed(const std::vector<Case>& all, const std::string& name, std::vector<bool>& needed) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name != name || needed[i]) continue;
    needed[i] = true;
    for (const char* const need : all[i].needs) mark_needed(all, need, needed);
    // It judges what the others printed.
    if (all[i].run == nullptr) needed.assign(all.size(), true);
  }
}

Result<std::vector<Case>> needed_cases(const std::vector<Case>& all,
                                       const std::vector<std::string>& wanted) {
  if (wanted.empty()) return all;
  std::vector<bool> needed(all.size());
  for (const auto& name : wanted) {
    const auto known =
        std::any_of(all.begin(), all.end(), [&](const Case& rule) { return rule.name == name; });
    if (!known) return fail(EINVAL, "there is no case \"" + name + "\"", "see --list");
    mark_needed(all, name, needed);
  }
  std::vector<Case> cases;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (needed[i]) cases.push_back(all[i]);
  }
  return cases;
}

/// dlopen of a bare name would search the library path instead of this directory.
Result<std::string> readable_path(const std::string& file) {
  const Fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) return fail_errno("opening " + file);
  char* const real = ::realpath(file.c_str(), nullptr);
  if (real == nullptr) return fail_errno("opening " + file);
  std::string path(real);
  std::free(real);
  return path;
}

void keep_wanted(std::vector<Finding>& findings, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return;
  findings.erase(std::remove_if(findings.begin(), findings.end(),
                                [&](const Finding& finding) {
                                  return std::find(wanted.begin(), wanted.end(),
                                                   finding.rule->name) == wanted.end();
                                }),
                 findings.end());
}

Result<int> check_files(const Arguments& arguments, const std::vector<Case>& cases) {
  const bool colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  std::vector<std::string> paths;
  for (const auto& file : arguments.files) paths.push_back(FCVM_TRY(readable_path(file)));
  std::vector<FileReport> reports;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Target target{paths[i], arguments.settings};
    auto& report = reports.emplace_back(
        FileReport{arguments.files[i], run_cases(cases, target, arguments.timeout)});
    keep_wanted(report.findings, arguments.cases);
    if (!arguments.json) print_table(report, colour);
  }
  if (arguments.json) print_json(reports, arguments.strict);
  const bool good = std::all_of(reports.begin(), reports.end(), [&](const FileReport& report) {
    return report.good(arguments.strict);
  });
  return good ? 0 : 1;
}

Result<int> run(int argc, char** argv) {
  const auto arguments = FCVM_TRY(parse_arguments(argc, argv));
  const auto all = all_cases();
  if (arguments.help) {
    std::fputs(kHelp, stdout);
  } else if (arguments.version) {
    std::puts("fcvm-plugin-check " FCVM_VERSION);
  } else if (arguments.list) {
    print_list(all, arguments.json);
  } else {
    const auto cases = FCVM_TRY(needed_cases(all, arguments.cases));
    return check_files(arguments, cases);
  }
  return 0;
}

}  // namespace
}  // namespace fcvm::check

int main(int argc, char** argv) {
  const auto result = fcvm::check::run(argc, argv);
  if (result) return *result;
  std::fprintf(stderr, "fcvm-plugin-check: %s\n", result.error().message().c_str());
  const auto& remedy = result.error().remedy();
  std::fprintf(stderr, "%s\n", remedy.empty() ? "see fcvm-plugin-check --help" : remedy.c_str());
  return fcvm::check::kUsage;
}
