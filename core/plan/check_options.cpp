// See check_options.hpp.
#include "core/plan/check_options.hpp"

#include <algorithm>

#include "core/plan/disk_rate.hpp"
#include "core/plan/guest_options.hpp"
#include "core/plan/log_options.hpp"
#include "core/plan/network_options.hpp"
#include "core/plan/network_plan.hpp"
#include "core/plan/words.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::plan {
namespace {

struct Group {
  std::vector<const char*> options;
  Result<void> (*judge)(const config::Config& config);
};

template <Result<void> (*take)(vm::NetworkPlan&, const config::Config&)>
Result<void> judge_network(const config::Config& config) {
  vm::NetworkPlan plan;
  // An entry of --add-host may lead to what --host-loopback opens.
  plan.host_loopback =
      parse_host_access(config.list("run", "host-loopback")).value_or(vm::HostAccess{});
  return take(plan, config);
}

template <typename T>
Result<void> without_value(const Result<T>& result) {
  return result ? Result<void>() : unexpected(result.error());
}

Result<void> judge_name(const config::Config& config) {
  const auto& name = config.text("run", "name");
  return name.empty() ? Result<void>() : vm::check_name(name);
}

Result<void> judge_log(const config::Config& config) {
  const bool detached = config.boolean("run", "detach");
  return without_value(log_driver(config, detached, config.boolean("run", "tty")));
}

const std::vector<Group>& groups() {
  static const std::vector<Group> all = {
      {{"name"}, judge_name},
      {{"hostname"},
       [](const auto& config) { return check_hostname(config.text("run", "hostname")); }},
      {{"cmd"},
       [](const auto& config) { return without_value(split_words(config.text("run", "cmd"))); }},
      {{"ip", "ip6", "ipv6-prefix", "mac-address"}, judge_network<take_addresses>},
      {{"dns", "add-host", "dns-search", "dns-option"}, judge_network<take_names>},
      {{"host-loopback", "host-addresses", "network-rate"}, judge_network<take_openings>},
      {{"publish", "publish-address"}, judge_network<take_ports>},
      {{"device-read-bps", "device-write-bps", "device-read-iops", "device-write-iops"},
       [](const auto& config) { return without_value(disk_rates(config)); }},
      {{"tmpfs", "ulimit", "cap-add", "cap-drop", "security-opt", "umask", "device"},
       [](const auto& config) { return without_value(guest_options(config)); }},
      {{"restart", "rm"}, [](const auto& config) { return without_value(restart_policy(config)); }},
      {{"log-opt", "log-driver"}, judge_log},
  };
  return all;
}

/// The one that the error names, else the first that is set.
std::string blamed(const Group& group, const Error& error, const config::Config& config) {
  const auto find = [&](auto is_it) {
    return std::find_if(group.options.begin(), group.options.end(), is_it);
  };
  auto found = find([&](const std::string& option) {
    return (error.message() + ' ').find("--" + option + ": ") != std::string::npos ||
           (error.message() + ' ').find("--" + option + " ") != std::string::npos;
  });
  if (found == group.options.end()) {
    found = find([&](const char* option) { return config.is_set("run", option); });
  }
  return found == group.options.end() ? group.options.front() : *found;
}

}  // namespace

std::vector<Mistake> check_options(const config::Config& config) {
  std::vector<Mistake> mistakes;
  for (const Group& group : groups()) {
    const auto judged = group.judge(config);
    if (judged) continue;
    mistakes.push_back({blamed(group, judged.error(), config), judged.error()});
  }
  return mistakes;
}

}  // namespace fcvm::plan
