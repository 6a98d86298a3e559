// See container_json.hpp.
#include "core/cli/text/container_json.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "core/vm/model/port.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::uint64_t kDefaultShm = 65'536'000;

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

void set_variable(std::vector<std::string>& environment, std::string_view variable, bool replaces) {
  const auto found = std::find_if(environment.begin(), environment.end(), [&](const auto& one) {
    return name_of(one) == name_of(variable);
  });
  if (found == environment.end()) {
    environment.emplace_back(variable);
  } else if (replaces) {
    *found = variable;
  }
}

/// "PATH:OPTIONS", in two.
std::pair<std::string, std::string> split_at_colon(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

/// "nofile=1024:2048"
Json limit_json(const std::string& text) {
  const auto equals = text.find('=');
  const auto [soft, hard] = split_at_colon(text.substr(equals + 1));
  const auto number = [](const std::string& limit) {
    return limit == "unlimited" ? -1 : std::strtoll(limit.c_str(), nullptr, 10);
  };
  std::string name = "RLIMIT_" + text.substr(0, equals);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return {{"Name", name}, {"Soft", number(soft)}, {"Hard", number(hard.empty() ? soft : hard)}};
}

/// CAP_NET_ADMIN, whether it was written so, as net_admin, or between commas.
Json capabilities_json(const std::vector<std::string>& written) {
  Json list = Json::array();
  for (const auto& words : written) {
    for (std::size_t at = 0; at <= words.size();) {
      const auto comma = std::min(words.find(',', at), words.size());
      std::string name = words.substr(at, comma - at);
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      if (name != "ALL" && !name.starts_with("CAP_")) name.insert(0, "CAP_");
      list.push_back(name);
      at = comma + 1;
    }
  }
  return list;
}

Json pairs_json(const std::vector<std::string>& settings) {
  Json json = Json::object();
  for (const auto& setting : settings) {
    const auto equals = setting.find('=');
    if (equals != std::string::npos) json[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  return json;
}

Json bindings_json(const vm::NetworkPlan& network) {
  Json ports = Json::object();
  for (const auto& port : network.publish) {
    for (std::uint32_t i = 0; i < port.count; ++i) {
      const auto host = port.host_port == 0 ? std::string() : std::to_string(port.host_port + i);
      ports[fmt::format("{}/{}", port.guest_port + i, vm::to_text(port.protocol))].push_back(
          {{"HostIp", port.address}, {"HostPort", host}});
    }
  }
  return ports;
}

}  // namespace

ContainerJson::ContainerJson(const vm::RunPlan& plan, std::string_view image) : plan_(plan) {
  const auto whole = Json::parse(image, nullptr, false);
  const auto part = whole.is_object() ? whole.find("config") : whole.end();
  image_ = whole.is_object() && part != whole.end() && part->is_object() ? *part : Json::object();
  const auto& container = plan.container;
  entrypoint_ = container.has_entrypoint ? container.entrypoint : list_of_image("Entrypoint");
  command_ = container.command;
  // As podman makes up the command: an entry point of the user's makes the image's command void.
  if (command_.empty() && !container.has_entrypoint) command_ = list_of_image("Cmd");
  words_ = entrypoint_;
  words_.insert(words_.end(), command_.begin(), command_.end());
}

std::vector<std::string> ContainerJson::option(std::string_view name) const {
  const std::string start = fmt::format("--{}=", name);
  std::vector<std::string> values;
  for (const auto& word : plan_.container.podman_options) {
    if (word.starts_with(start)) values.push_back(word.substr(start.size()));
  }
  return values;
}

bool ContainerJson::flag(std::string_view name) const {
  const auto& words = plan_.container.podman_options;
  return std::find(words.begin(), words.end(), fmt::format("--{}", name)) != words.end();
}

std::string ContainerJson::text_of_image(const char* name) const {
  const auto found = image_.find(name);
  return found != image_.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> ContainerJson::list_of_image(const char* name) const {
  std::vector<std::string> words;
  const auto found = image_.find(name);
  if (found == image_.end() || !found->is_array()) return words;
  for (const auto& word : *found) {
    if (word.is_string()) words.push_back(word);
  }
  return words;
}

/// But for HOME, which the image's own files tell.
std::vector<std::string> ContainerJson::environment() const {
  std::vector<std::string> environment = list_of_image("Env");
  if (flag("unsetenv-all")) environment.clear();
  for (const auto& name : option("unsetenv")) {
    std::erase_if(environment, [&](const auto& one) { return name_of(one) == name; });
  }
  for (const auto& variable : plan_.container.environment) {
    set_variable(environment, variable, true);
  }
  set_variable(environment, kDefaultPath, false);
  set_variable(environment, "container=podman", false);
  if (plan_.container.tty) set_variable(environment, "TERM=xterm", false);
  set_variable(environment, "HOSTNAME=" + plan_.hostname, false);
  return environment;
}

Json ContainerJson::config() const {
  const auto& container = plan_.container;
  const auto signals = option("stop-signal");
  const std::string signal = signals.empty() ? text_of_image("StopSignal") : signals.back();
  const std::string workdir =
      container.workdir.empty() ? text_of_image("WorkingDir") : container.workdir;
  const auto exposed = image_.find("ExposedPorts");
  Json json = {{"Hostname", plan_.hostname},
               {"Domainname", ""},
               {"User", container.user.empty() ? text_of_image("User") : container.user},
               {"AttachStdin", container.interactive},
               {"Tty", container.tty},
               {"OpenStdin", container.interactive},
               {"Env", environment()},
               {"Cmd", command_},
               {"Image", plan_.image},
               {"WorkingDir", workdir.empty() ? "/" : workdir},
               {"Entrypoint", entrypoint_},
               {"Annotations", pairs_json(option("annotation"))},
               {"StopSignal", signal.empty() ? "SIGTERM" : signal}};
  if (exposed != image_.end() && exposed->is_object()) json["ExposedPorts"] = *exposed;
  return json;
}

Json ContainerJson::host_config() const {
  Json hosts = Json::array();
  for (const auto& entry : plan_.network.hosts) hosts.push_back(entry.names + ':' + entry.address);
  Json limits = Json::array();
  for (const auto& limit : option("ulimit")) limits.push_back(limit_json(limit));
  Json tmpfs = Json::object();
  for (const auto& mount : option("tmpfs")) {
    const auto [path, options] = split_at_colon(mount);
    tmpfs[path] = options;
  }
  const auto shm = option("shm-size");
  Json sysctls = pairs_json(option("sysctl"));
  sysctls.update(pairs_json(plan_.sysctls));
  Json binds = Json::array();
  for (const auto& map : plan_.maps) {
    binds.push_back(map.host + ":" + map.container + (map.read_only ? ":ro" : ":rw"));
  }
  return {{"Binds", binds},
          {"PortBindings", bindings_json(plan_.network)},
          {"PublishAllPorts", plan_.network.publish_exposed},
          {"CapAdd", capabilities_json(option("cap-add"))},
          {"CapDrop", capabilities_json(option("cap-drop"))},
          {"Dns", plan_.network.dns},
          {"DnsOptions", plan_.network.dns_options},
          {"DnsSearch", plan_.network.dns_search},
          {"ExtraHosts", hosts},
          {"GroupAdd", option("group-add")},
          {"Privileged", plan_.container.privileged},
          {"ReadonlyRootfs", flag("read-only")},
          {"SecurityOpt", option("security-opt")},
          {"Tmpfs", tmpfs},
          {"ShmSize", shm.empty() ? kDefaultShm : std::strtoull(shm.back().c_str(), nullptr, 10)},
          {"Init", flag("init")},
          {"Devices", option("device")},
          {"Sysctls", sysctls},
          {"Ulimits", limits}};
}

Json ContainerJson::mounts() const {
  Json list = Json::array();
  for (const auto& map : plan_.maps) {
    list.push_back({{"Type", "bind"},
                    {"Source", map.host},
                    {"Destination", map.container},
                    {"Driver", ""},
                    {"Mode", ""},
                    {"Options", {"nosuid", "nodev", "rbind"}},
                    {"RW", !map.read_only},
                    {"Propagation", "rprivate"}});
  }
  return list;
}

}  // namespace fcvm::cli
