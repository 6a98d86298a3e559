// See environment.hpp.
#include "core/config/environment.hpp"

#include <array>
#include <pwd.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/config/nearest.hpp"

namespace fcvm::config {
namespace {

/// Whether this root is another user's, as sudo, doas and pkexec say.
bool acts_for_another(const Environment& environment) {
  if (::geteuid() != 0) return false;
  for (const char* name : {"SUDO_UID", "PKEXEC_UID"}) {
    if (environment.get(name).value_or("0") != "0") return true;
  }
  return environment.get("DOAS_USER").value_or("root") != "root";
}

/// As the passwd database has it; empty for who is not in it.
std::string home_of(uid_t user) {
  const passwd* entry = ::getpwuid(user);
  if (entry != nullptr) return entry->pw_dir;
  return user == 0 ? "/root" : "";
}

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

Environment Environment::of_process() {
  std::map<std::string, std::string> variables;
  if (getauxval(AT_SECURE) != 0) return Environment();
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  if (variables["HOME"].empty()) variables["HOME"] = home_of(::geteuid());
  Environment all(std::move(variables));
  return acts_for_another(all) ? all.without_callers_wishes() : all;
}

Environment Environment::without_callers_wishes() const {
  Environment rest;
  for (const auto& [name, value] : variables_) {
    if (name.starts_with("FCVM_")) {
      rest.ignored_.push_back(name);
    } else if (!name.starts_with("XDG_")) {
      rest.variables_.emplace(name, value);
    }
  }
  rest.variables_["HOME"] = home_of(0);
  return rest;
}

std::optional<std::string> Environment::get(std::string_view name) const {
  const auto found = variables_.find(std::string(name));
  if (found == variables_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::vector<std::string> unmatched_variables(const Environment& environment,
                                             const std::set<std::string>& known) {
  std::vector<std::string> warnings;
  const std::vector<std::string> candidates(known.begin(), known.end());
  for (const auto& [name, text] : environment.all()) {
    if (!name.starts_with("FCVM_") || is_exempt(name) || known.count(name) != 0) continue;
    warnings.push_back("the environment variable " + name + " matches no option" +
                       did_you_mean(name, candidates));
  }
  return warnings;
}

}  // namespace fcvm::config
