#include "core/plan/readiness_options.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <fcvm/readiness.h>

#include "core/plan/choose.hpp"
#include "core/plugin/settings.hpp"

namespace fcvm::plan {
namespace {

constexpr std::size_t kMostGates = 32;
constexpr const char* kExample = "--wait-ready mode=http,url=http://localhost:8080/health";

/// "mode=http": the first item, behind which the options of the plugin stand.
Result<std::string_view> mode_of(std::string_view text) {
  constexpr std::string_view kMode = "mode=";
  const auto first = text.substr(0, text.find(','));
  if (first.starts_with(kMode) && first.size() > kMode.size()) return first.substr(kMode.size());
  return fail(EINVAL, fmt::format("--wait-ready {}: it does not begin with mode=NAME", text),
              kExample);
}

/// A comma separates where NAME= follows, and belongs to the value elsewhere, or behind a
/// backslash: a regular expression or a URL may well have one.
bool separates(std::string_view text, std::size_t comma) {
  if (comma > 0 && text[comma - 1] == '\\') return false;
  const auto name = text.substr(comma + 1, text.find('=', comma) - comma - 1);
  const auto is_of_name = [](char one) {
    return (one >= 'a' && one <= 'z') || (one >= '0' && one <= '9') || one == '-';
  };
  return text.find('=', comma) != std::string_view::npos && !name.empty() &&
         std::all_of(name.begin(), name.end(), is_of_name);
}

std::string without_backslashes(std::string_view value) {
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value.substr(i, 2) == "\\,") ++i;
    plain += value[i];
  }
  return plain;
}

using Settings = std::vector<std::pair<std::string, std::string>>;

/// What follows the mode.
Result<Settings> split_settings(std::string_view text) {
  Settings settings;
  for (auto comma = text.find(','); comma != std::string_view::npos;) {
    auto end = text.find(',', comma + 1);
    while (end != std::string_view::npos && !separates(text, end)) end = text.find(',', end + 1);
    const auto item = text.substr(comma + 1, end == std::string_view::npos ? end : end - comma - 1);
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) {
      return fail(EINVAL, fmt::format("\"{}\" is no OPTION=VALUE", item), kExample);
    }
    settings.emplace_back(item.substr(0, equals), without_backslashes(item.substr(equals + 1)));
    comma = end;
  }
  return settings;
}

Result<vm::Gate> make_gate(const config::Config& config, const plugin::Registry& registry,
                           const vm::NetworkPlan& network, const std::string& text) {
  const auto mode = FCVM_TRY(mode_of(text));
  const Chosen chosen = FCVM_TRY(choose_named(registry, "readiness", mode));
  const auto& descriptor = chosen.entry->descriptor;
  if ((chosen.capabilities & FCVM_READINESS_NEEDS_NETWORK) != 0 && network.plugin.empty()) {
    return fail(EINVAL, descriptor.id + " needs a network, and the VM has none",
                "run it with --network auto");
  }
  vm::Gate gate{text, descriptor.id, FCVM_TRY(split_settings(text))};
  FCVM_TRY(plugin::Settings::from_values(descriptor.options, gate.settings,
                                         config.section("plugin." + descriptor.id)));
  return gate;
}

std::string with_backslashes(const std::string& value) {
  std::string escaped;
  for (const char one : value) escaped += one == ',' ? std::string("\\,") : std::string(1, one);
  return escaped;
}

/// All that the user asked for, as --wait-ready has it.
std::vector<std::string> wishes(const config::Config& config) {
  std::vector<std::string> all = config.list("run", "wait-ready");
  if (const auto& url = config.text("run", "health-check"); !url.empty()) {
    const auto limit = config.duration("run", "health-check-timeout");
    all.push_back(
        fmt::format("mode=http,url={},timeout={}", with_backslashes(url), config::to_text(limit)));
  }
  return all;
}

}  // namespace

Result<vm::ReadinessPlan> readiness_plan(const config::Config& config,
                                         const plugin::Registry& registry,
                                         const vm::NetworkPlan& network) {
  vm::ReadinessPlan plan;
  plan.limit = config.duration("run", "ready-timeout");
  if (plan.limit.count() == 0)
    return fail(EINVAL, "--ready-timeout 0 leaves no time", "--ready-timeout 2m");
  const auto all = wishes(config);
  if (all.size() > kMostGates) {
    return fail(EINVAL, fmt::format("--wait-ready: {} gates are too many", all.size()),
                fmt::format("give at most {}", kMostGates));
  }
  for (const auto& text : all) {
    plan.gates.push_back(
        FCVM_TRY(make_gate(config, registry, network, text) | context("--wait-ready " + text)));
  }
  return plan;
}

}  // namespace fcvm::plan
