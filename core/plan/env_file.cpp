// See env_file.hpp.
#include "core/plan/env_file.hpp"

#include <cctype>
#include <cstdlib>
#include <string_view>

#include <fmt/core.h>

#include "core/base/io/file.hpp"

namespace fcvm::plan {
namespace {

struct Line {
  std::string text;
  std::size_t number = 0;

  [[nodiscard]] std::string name() const { return text.substr(0, text.find('=')); }
  [[nodiscard]] bool has_value() const { return text.find('=') != std::string::npos; }
};

Result<std::vector<Line>> read_lines(const std::string& path) {
  const std::string text = FCVM_TRY(base::read_file(path));
  std::vector<Line> lines;
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    std::string line(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line.front() == '#') continue;
    lines.push_back({std::move(line), number});
  }
  return lines;
}

/// podman finds it in the guest, and does not say where it stands.
Result<void> check_name(const std::string& path, const Line& line) {
  const auto name = line.name();
  if (!name.empty() && name.find_first_of(" \t") == std::string::npos) return {};
  return fail(EINVAL,
              fmt::format("{}:{}: \"{}\" has no name that a variable may have", path, line.number,
                          line.text),
              "write NAME=VALUE, or NAME for the host's value");
}

}  // namespace

Result<std::vector<std::string>> read_env_file(const std::string& path) {
  std::vector<std::string> variables;
  for (auto& line : FCVM_TRY(read_lines(path) | context("--env-file"))) {
    FCVM_TRY(check_name(path, line) | context("--env-file"));
    if (line.has_value()) {
      variables.push_back(std::move(line.text));
    } else if (const char* value = std::getenv(line.text.c_str())) {
      variables.push_back(line.text + '=' + value);
    }
  }
  return variables;
}

Result<std::vector<std::string>> read_label_file(const std::string& path) {
  std::vector<std::string> labels;
  for (auto& line : FCVM_TRY(read_lines(path) | context("--label-file"))) {
    labels.push_back(line.has_value() ? std::move(line.text) : line.text + '=');
  }
  return labels;
}

}  // namespace fcvm::plan
