// What one rule of the plugin interface is to the checker: its name, where it is written down, what
// must hold before it can be asked, and how asking it may end.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::check {

enum class Status { kPassed, kFailed, kCrashed, kSkipped, kWarning };

[[nodiscard]] constexpr const char* status_name(Status status) {
  switch (status) {
    case Status::kPassed:
      return "passed";
    case Status::kFailed:
      return "failed";
    case Status::kCrashed:
      return "crashed";
    case Status::kSkipped:
      return "skipped";
    case Status::kWarning:
      return "warning";
  }
  return "failed";
}

struct Outcome {
  Status status = Status::kPassed;
  std::string what;    // what was wrong, or why it was skipped
  std::string remedy;  // what to do
};

/// What is checked: a file, and the option values that `--set` gave.
struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> settings;
};

/// Runs in a process of its own, in an empty directory, with its output captured.
using CaseFn = Result<void> (*)(const Target&);

struct Case {
  const char* name;
  const char* section;  // of plugin-api/DESIGN.md
  const char* rule;     // one line
  std::vector<const char*> needs;
  CaseFn run;          // nullptr: judged by the runner from what the others did
  bool timed = false;  // has a tight limit, so that a busy machine may fail it: tried again
};

[[nodiscard]] std::vector<Case> all_cases();

// How a case ends when it does not pass: an Error whose code is the status.
inline Unexpected broken(std::string what, std::string remedy) {
  return fail(static_cast<int>(Status::kFailed), std::move(what), std::move(remedy));
}
inline Unexpected skip(std::string why, std::string remedy = {}) {
  return fail(static_cast<int>(Status::kSkipped), std::move(why), std::move(remedy));
}
inline Unexpected warn(std::string what, std::string remedy) {
  return fail(static_cast<int>(Status::kWarning), std::move(what), std::move(remedy));
}

// By group, one file each.
void add_file_cases(std::vector<Case>& cases);
void add_descriptor_cases(std::vector<Case>& cases);
void add_kind_cases(std::vector<Case>& cases);
void add_life_cases(std::vector<Case>& cases);
void add_option_cases(std::vector<Case>& cases);
void add_leak_cases(std::vector<Case>& cases);
void add_host_cases(std::vector<Case>& cases);
void add_verb_cases(std::vector<Case>& cases);
void add_memory_cases(std::vector<Case>& cases);
void add_readiness_cases(std::vector<Case>& cases);
void add_time_cases(std::vector<Case>& cases);

}  // namespace fcvm::check
