// The environment variables a configuration is made from; a value, so that tests need no setenv().
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fcvm::config {

class Environment {
 public:
  Environment() = default;
  explicit Environment(std::map<std::string, std::string> variables)
      : variables_(std::move(variables)) {}

  /// This process's own, with the home of the passwd database where HOME is not set. Empty in a
  /// process that gained privileges by exec (AT_SECURE), which must take nothing from its caller:
  /// neither FCVM_CONFIG_ROOT nor HOME nor a directory of plugins. For root that another user
  /// became by sudo, doas or pkexec, see without_callers_wishes().
  [[nodiscard]] static Environment of_process();

  /// What root takes from a variable list that another user may have had a hand in (`sudo -E`): no
  /// FCVM_ variable, since those name programs and plugins, and root's own home.
  [[nodiscard]] Environment without_callers_wishes() const;
  /// The FCVM_ variables that were left out so, for a warning.
  [[nodiscard]] const std::vector<std::string>& ignored() const { return ignored_; }

  /// An empty variable counts as one that is not there.
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;

  [[nodiscard]] const std::map<std::string, std::string>& all() const { return variables_; }

 private:
  std::map<std::string, std::string> variables_;
  std::vector<std::string> ignored_;
};

/// A warning for each FCVM_ variable that sets nothing, most likely because it is misspelt: that is
/// neither in `known` nor read by another part of fcvm.
[[nodiscard]] std::vector<std::string> unmatched_variables(const Environment& environment,
                                                           const std::set<std::string>& known);

}  // namespace fcvm::config
