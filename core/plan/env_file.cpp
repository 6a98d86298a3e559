// See env_file.hpp.
#include "core/plan/env_file.hpp"

#include <cstdlib>
#include <string_view>

#include "core/base/io/file.hpp"

namespace fcvm::plan {

Result<std::vector<std::string>> read_env_file(const std::string& path) {
  const std::string text = FCVM_TRY(base::read_file(path) | context("--env-file"));
  std::vector<std::string> variables;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    std::string line(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line.front() == '#') continue;
    if (line.find('=') != std::string::npos) {
      variables.push_back(line);
    } else if (const char* value = std::getenv(line.c_str())) {
      variables.push_back(line + '=' + value);
    }
  }
  return variables;
}

}  // namespace fcvm::plan
