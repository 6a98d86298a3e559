// The environment variables a configuration is made from; a value, so that tests need no setenv().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace fcvm::config {

class Environment {
 public:
  Environment() = default;
  explicit Environment(std::map<std::string, std::string> variables)
      : variables_(std::move(variables)) {}

  /// This process's own. Empty in a process that gained privileges by exec (AT_SECURE), which must
  /// take nothing from its caller: neither FCVM_CONFIG_ROOT nor HOME nor a directory of plugins.
  [[nodiscard]] static Environment of_process();

  /// An empty variable counts as one that is not there.
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;

  [[nodiscard]] const std::map<std::string, std::string>& all() const { return variables_; }

 private:
  std::map<std::string, std::string> variables_;
};

}  // namespace fcvm::config
