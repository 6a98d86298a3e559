#include "core/plan/readiness_options.hpp"

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

/// A comma separates where an option of the gate follows, and belongs to the value elsewhere: a
/// regular expression or a URL may well have one.
bool begins_option(std::string_view rest, const config::OptionTable& table) {
  const auto equals = rest.find('=');
  return equals != std::string_view::npos && table.find(rest.substr(0, equals)) != nullptr;
}

using Settings = std::vector<std::pair<std::string, std::string>>;

Result<Settings> split_settings(std::string_view text, const config::OptionTable& table) {
  Settings settings;
  auto comma = text.find(',');
  while (comma != std::string_view::npos) {
    const auto rest = text.substr(comma + 1);
    auto end = rest.find(',');
    while (end != std::string_view::npos && !begins_option(rest.substr(end + 1), table)) {
      end = rest.find(',', end + 1);
    }
    const auto item = rest.substr(0, end);
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) {
      return fail(EINVAL, fmt::format("\"{}\" is no OPTION=VALUE", item), kExample);
    }
    settings.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    comma = end == std::string_view::npos ? end : comma + 1 + end;
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
  vm::Gate gate{text, descriptor.id, FCVM_TRY(split_settings(text, descriptor.options))};
  FCVM_TRY(plugin::Settings::from_values(descriptor.options, gate.settings,
                                         config.section("plugin." + descriptor.id)));
  return gate;
}

/// All that the user asked for, as --wait-ready has it.
std::vector<std::string> wishes(const config::Config& config) {
  std::vector<std::string> all = config.list("run", "wait-ready");
  if (const auto& url = config.text("run", "health-check"); !url.empty()) {
    const auto limit = config.duration("run", "health-check-timeout");
    all.push_back(fmt::format("mode=http,url={},timeout={}", url, config::to_text(limit)));
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
