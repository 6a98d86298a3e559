#include "core/plan/health_options.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace fcvm::plan {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

/// As podman: a JSON list of words is taken word by word, and may begin with the word that an
/// image's check begins with; anything else is a line for the shell.
Result<Words> test_of(const std::string& text) {
  if (text.front() != '[') return Words{"CMD-SHELL", text};
  const auto list = nlohmann::json::parse(text, nullptr, false);
  if (list.is_discarded()) return Words{"CMD-SHELL", text};  // `[ -e /run/up ]`
  Words words;
  for (const auto& word : list) {
    if (!word.is_string()) return fail(EINVAL, "--health-cmd: not a JSON list of words");
    words.push_back(word);
  }
  if (words.empty()) return fail(EINVAL, "--health-cmd: an empty list", "--health-cmd none");
  if (words.front() == "CMD" || words.front() == "CMD-SHELL") {
    if (words.size() > 1) return words;
    return fail(EINVAL, "--health-cmd: no command behind " + words.front());
  }
  // podman takes a single word for a line.
  words.insert(words.begin(), words.size() == 1 ? "CMD-SHELL" : "CMD");
  return words;
}

Result<std::optional<config::Duration>> time_of(const config::Config& config, const char* name,
                                                config::Duration least) {
  if (!config.is_set("run", name)) return std::optional<config::Duration>();
  const auto time = config.duration("run", name);
  if (time >= least) return std::optional(time);
  return fail(EINVAL, fmt::format("--{}: less than {}", name, config::to_text(least)));
}

vm::HealthAction action_of(const std::string& word) {
  if (word == "kill") return vm::HealthAction::kKill;
  if (word == "stop") return vm::HealthAction::kStop;
  return vm::HealthAction::kNone;
}

}  // namespace

Result<vm::HealthPlan> health_plan(const config::Config& config) {
  vm::HealthPlan plan;
  const std::string& command = config.text("run", "health-cmd");
  const bool refused = config.boolean("run", "no-healthcheck");
  plan.none = refused || command == "none";
  if (refused && !command.empty() && command != "none") {
    return fail(EINVAL, "--no-healthcheck and --health-cmd contradict each other",
                "give one of them");
  }
  if (!plan.none && !command.empty()) plan.test = FCVM_TRY(test_of(command));
  plan.interval = FCVM_TRY(time_of(config, "health-interval", 100ms));
  plan.timeout = FCVM_TRY(time_of(config, "health-timeout", 100ms));
  plan.start_period = FCVM_TRY(time_of(config, "health-start-period", 0ms));
  if (config.is_set("run", "health-retries")) {
    plan.retries = static_cast<std::uint32_t>(config.integer("run", "health-retries"));
  }
  plan.on_failure = action_of(config.text("run", "health-on-failure"));
  return plan;
}

}  // namespace fcvm::plan
