// Owns standard output: the table, the list of rules and the JSON.
#include "plugin-api/check/report.hpp"

#include <algorithm>
#include <cstdio>

namespace fcvm::check {
namespace {

const char* colour_of(Status status) {
  switch (status) {
    case Status::kPassed:
      return "\033[32m";
    case Status::kSkipped:
      return "\033[2m";
    case Status::kWarning:
      return "\033[33m";
    default:
      return "\033[31m";
  }
}

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

using Members = std::vector<std::pair<const char*, std::string>>;
std::string json_object(const Members& members) {
  std::string object = "{";
  for (const auto& [name, value] : members) {
    object += (object.size() > 1 ? ", " : "") + json_string(name) + ": " + value;
  }
  return object + "}";
}

template <typename Items, typename Render>
std::string json_array(const Items& items, Render render) {
  std::string array = "[";
  for (const auto& item : items) array += (array.size() > 1 ? ",\n  " : "\n  ") + render(item);
  return array + "]";
}

std::string json_case(const Case& rule) {
  return json_object({{"case", json_string(rule.name)},
                      {"section", json_string(rule.section)},
                      {"rule", json_string(rule.rule)}});
}

std::string json_finding(const Finding& finding) {
  return json_object({{"case", json_string(finding.rule->name)},
                      {"status", json_string(status_name(finding.outcome.status))},
                      {"rule", json_string(finding.rule->rule)},
                      {"section", json_string(finding.rule->section)},
                      {"what", json_string(finding.outcome.what)},
                      {"remedy", json_string(finding.outcome.remedy)},
                      {"milliseconds", std::to_string(finding.took.count())}});
}

void print_finding(const Finding& finding, bool colour) {
  const auto& [status, what, remedy] = finding.outcome;
  std::printf("  %s%-8s%s %-17s %s\n", colour ? colour_of(status) : "", status_name(status),
              colour ? "\033[0m" : "", finding.rule->name, finding.rule->rule);
  if (status == Status::kPassed) return;
  std::printf("           %s\n", what.c_str());
  if (!remedy.empty()) std::printf("           to do: %s\n", remedy.c_str());
  if (status != Status::kSkipped) {
    std::printf("           the rule: plugin-api/DESIGN.md, \"%s\"\n", finding.rule->section);
  }
}

}  // namespace

std::size_t FileReport::count(Status status) const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const auto& finding) { return finding.outcome.status == status; }));
}

bool FileReport::good(bool strict) const {
  return count(Status::kFailed) + count(Status::kCrashed) == 0 &&
         (!strict || count(Status::kWarning) == 0);
}

void print_table(const FileReport& report, bool colour) {
  std::printf("%s\n", report.path.c_str());
  for (const auto& finding : report.findings) print_finding(finding, colour);
  std::printf("%zu passed, %zu failed, %zu crashed, %zu skipped, %zu warnings\n",
              report.count(Status::kPassed), report.count(Status::kFailed),
              report.count(Status::kCrashed), report.count(Status::kSkipped),
              report.count(Status::kWarning));
}

void print_json(const std::vector<FileReport>& reports, bool strict) {
  const auto text = json_array(reports, [&](const FileReport& report) {
    return json_object({{"file", json_string(report.path)},
                        {"good", report.good(strict) ? "true" : "false"},
                        {"cases", json_array(report.findings, json_finding)}});
  });
  std::printf("%s\n", text.c_str());
}

void print_list(const std::vector<Case>& cases, bool json) {
  if (json) {
    std::printf("%s\n", json_array(cases, json_case).c_str());
    return;
  }
  for (const auto& rule : cases) std::printf("%-17s %s\n", rule.name, rule.rule);
}

}  // namespace fcvm::check
