// What was found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "plugin-api/check/runner.hpp"

namespace fcvm::check {

struct FileReport {
  std::string path;
  std::vector<Finding> findings;

  [[nodiscard]] std::size_t count(Status status) const;
  [[nodiscard]] bool good(bool strict) const;
};

void print_table(const FileReport& report, bool colour);
void print_json(const std::vector<FileReport>& reports, bool strict);
void print_list(const std::vector<Case>& cases, bool json);

}  // namespace fcvm::check
