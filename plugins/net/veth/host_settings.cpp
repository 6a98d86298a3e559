// See host_settings.hpp.
#include "plugins/net/veth/host_settings.hpp"

#include "plugins/net/veth/kernel_setting.hpp"

namespace fcvm::net {

namespace {

using Settings = std::vector<NeededSetting>;

std::string of_link(const char* family, const std::string& link, const char* name) {
  return std::string(family) + "/conf/" + link + "/" + name;
}

Result<void> keep_listening_to_routers(Settings& settings, const std::string& link) {
  const std::string name = of_link("ipv6", link, "accept_ra");
  if (!has_setting(name)) return {};
  // 2 as well: another VM may have set it, and must not be the only one that holds it.
  if (FCVM_TRY(read_setting(name)) != "0") settings.push_back({name, "2"});
  return {};
}

Result<void> forward_ipv6(Settings& settings, const std::vector<base::Link>& uplinks) {
  const bool per_link = has_setting("ipv6/conf/default/force_forwarding");
  for (const auto& uplink : uplinks) {
    if (per_link) {
      settings.push_back({of_link("ipv6", uplink.name, "force_forwarding"), "1"});
    } else {
      FCVM_TRY(keep_listening_to_routers(settings, uplink.name));
    }
  }
  if (!per_link) settings.push_back({"ipv6/conf/all/forwarding", "1"});
  return {};
}

/// The kernel answers for others on links on which it takes itself for a router.
Result<void> proxy_ndp(Settings& settings, const std::string& link) {
  FCVM_TRY(keep_listening_to_routers(settings, link));
  settings.push_back({of_link("ipv6", link, "forwarding"), "1"});
  settings.push_back({of_link("ipv6", link, "proxy_ndp"), "1"});
  return {};
}

}  // namespace

Result<std::vector<NeededSetting>> needed_settings(const HostNetwork& host,
                                                   const SettingNeeds& needs) {
  Settings settings;
  for (const auto& uplink : host.uplinks(AF_INET)) {
    settings.push_back({of_link("ipv4", uplink.name, "forwarding"), "1"});
  }
  if (needs.ipv6) FCVM_TRY(forward_ipv6(settings, host.uplinks(AF_INET6)));
  if (!needs.ndp_proxy.empty()) FCVM_TRY(proxy_ndp(settings, needs.ndp_proxy));
  return settings;
}

}  // namespace fcvm::net
