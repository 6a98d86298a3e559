// Owns the order of cases: who needs whom, and who is judged by what the others printed.
#include "plugin-api/check/runner.hpp"

#include <algorithm>

#include "plugin-api/check/isolated.hpp"

namespace fcvm::check {
namespace {

const Finding* finding_of(const std::vector<Finding>& findings, const std::string& name) {
  for (const auto& finding : findings) {
    if (finding.rule->name == name) return &finding;
  }
  return nullptr;
}

/// Why a case cannot be asked, or "".
std::string missing_need(const Case& rule, const std::vector<Finding>& findings) {
  for (const char* const need : rule.needs) {
    const auto* const found = finding_of(findings, need);
    if (found == nullptr) continue;
    const auto status = found->outcome.status;
    // One that had nothing to judge of this plugin stands in nobody's way, unless it was in need.
    const bool in_need = status == Status::kSkipped && found->outcome.what.rfind("needs `", 0) == 0;
    if (status == Status::kFailed || status == Status::kCrashed || in_need) {
      return std::string("needs `") + need + "`, which was " + status_name(status);
    }
  }
  return {};
}

Isolated run_with_patience(const Case& rule, const Target& target,
                           std::chrono::milliseconds timeout) {
  auto run = run_isolated(rule, target, timeout);
  for (int again = 0; again < 2 && rule.timed && run.outcome.status == Status::kFailed; ++again) {
    run = run_isolated(rule, target, timeout);
  }
  return run;
}

Outcome judge_output(const std::string& where, const std::string& printed) {
  if (printed.empty()) return {};
  const std::string line = printed.substr(0, printed.find('\n'));
  return {Status::kFailed, "during `" + where + "` it printed \"" + line + "\"",
          "write through log/1: fcvm::Host::info(), debug(), warning()"};
}

}  // namespace

std::vector<Finding> run_cases(const std::vector<Case>& cases, const Target& target,
                               std::chrono::milliseconds timeout) {
  std::vector<Finding> findings;
  std::string printed;
  std::string printed_where;
  for (const auto& rule : cases) {
    if (auto why = missing_need(rule, findings); !why.empty()) {
      findings.push_back({&rule, {Status::kSkipped, std::move(why), ""}});
    } else if (rule.run == nullptr) {
      findings.push_back({&rule, judge_output(printed_where, printed)});
    } else {
      auto run = run_with_patience(rule, target, timeout);
      if (printed.empty() && !run.printed.empty()) {
        printed = std::move(run.printed);
        printed_where = rule.name;
      }
      findings.push_back({&rule, std::move(run.outcome), run.took});
    }
  }
  return findings;
}

}  // namespace fcvm::check
