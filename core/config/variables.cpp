#include "core/config/variables.hpp"

#include <array>

#include "core/config/nearest.hpp"

namespace fcvm::config {

namespace {

/// Read elsewhere: where the configuration and the plugins are, and what the tests are told.
bool is_exempt(std::string_view name) {
  constexpr std::array<std::string_view, 5> kExempt{
      "FCVM_CONFIG_ROOT", "FCVM_PROFILE", "FCVM_PLUGIN_PATH", "FCVM_BUILD", "FCVM_SOURCE"};
  for (std::string_view exempt : kExempt) {
    if (name == exempt) return true;
  }
  return name.starts_with("FCVM_TEST_");
}

}  // namespace

std::vector<std::string> unmatched_variables(const Environment& environment,
                                             const std::set<std::string>& known, Variables kind) {
  std::vector<std::string> warnings;
  const std::vector<std::string> candidates(known.begin(), known.end());
  for (const auto& [name, text] : environment.all()) {
    const bool of_plugin = name.starts_with("FCVM_PLUGIN_");
    if (!name.starts_with("FCVM_") || of_plugin != (kind == Variables::kPlugin)) continue;
    if (is_exempt(name) || known.count(name) != 0) continue;
    warnings.push_back("the environment variable " + name + " matches no option" +
                       did_you_mean(name, candidates));
  }
  return warnings;
}

}  // namespace fcvm::config
