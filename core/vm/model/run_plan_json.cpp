// See run_plan_json.hpp. Each type lists its members once, for both directions.
#include "core/vm/model/run_plan_json.hpp"

#include <concepts>
#include <stdexcept>
#include <type_traits>

#include "core/base/json_number.hpp"
#include "core/vm/model/json_text.hpp"

namespace fcvm::vm {
namespace {

using Json = nlohmann::ordered_json;

/// One with members, and no text, path, pair or list: those have overloads that are closer.
template <typename T>
concept Whole = std::is_class_v<T>;

void members(wire::HostEntry& entry, auto visit) {
  visit("address", entry.address);
  visit("names", entry.names);
}
void members(OpenPorts& ports, auto visit) {
  visit("first", ports.first);
  visit("count", ports.count);
  visit("protocol", ports.protocol);
}
void members(HostAccess& access, auto visit) {
  visit("all", access.all);
  visit("ports", access.ports);
}
void members(ProxyEndpoint& endpoint, auto visit) {
  visit("address", endpoint.address);
  visit("port", endpoint.port);
}
void members(NetworkPlan& network, auto visit) {
  visit("plugin", network.plugin);
  visit("mac", network.mac);
  visit("ipv4", network.ipv4);
  visit("ipv6", network.ipv6);
  visit("ipv6_prefix", network.ipv6_prefix);
  visit("mtu", network.mtu);
  visit("host_loopback", network.host_loopback);
  visit("host_addresses", network.host_addresses);
  visit("link_local", network.link_local);
  visit("rate_in", network.rate_in);
  visit("rate_out", network.rate_out);
  visit("dns", network.dns);
  visit("dns_search", network.dns_search);
  visit("dns_options", network.dns_options);
  visit("hosts", network.hosts);
  visit("publish", network.publish);
  visit("publish_exposed", network.publish_exposed);
  visit("publish_address", network.publish_address);
  visit("proxies", network.proxies);
  visit("proxy_endpoints", network.proxy_endpoints);
}
void members(DiskRates& rates, auto visit) {
  visit("read_bytes", rates.read_bytes);
  visit("write_bytes", rates.write_bytes);
  visit("read_operations", rates.read_operations);
  visit("write_operations", rates.write_operations);
}
void members(LogDriver& log, auto visit) {
  visit("name", log.name);
  visit("max_size", log.limits.max_size);
  visit("max_files", log.limits.max_files);
}
/// Not what a launch finds out: the image's id and how it is delivered.
void members(wire::ContainerSpec& container, auto visit) {
  visit("name", container.name);
  visit("hostname", container.hostname);
  visit("command", container.command);
  visit("entrypoint", container.entrypoint);
  visit("has_entrypoint", container.has_entrypoint);
  visit("environment", container.environment);
  visit("user", container.user);
  visit("workdir", container.workdir);
  visit("labels", container.labels);
  visit("volumes", container.volumes);
  visit("privileged", container.privileged);
  visit("tty", container.tty);
  visit("interactive", container.interactive);
  visit("podman_options", container.podman_options);
}
void members(GuestAssets& assets, auto visit) {
  visit("kernel", assets.kernel);
  visit("kernel_elf", assets.kernel_elf);
  visit("initrd", assets.initrd);
  visit("base_image", assets.base_image);
}
void members(ImageDisk& disk, auto visit) {
  visit("format", disk.format);
  visit("content_bytes", disk.content_bytes);
  visit("flags", disk.flags);
}
/// The rest is where the snapshot lies, which whoever reads the plan knows.
void members(RestorePlan& restore, auto visit) { visit("image_disks", restore.image_disks); }
void members(Gate& gate, auto visit) {
  visit("text", gate.text);
  visit("plugin", gate.plugin);
  visit("settings", gate.settings);
}
void members(ReadinessPlan& readiness, auto visit) {
  visit("gates", readiness.gates);
  visit("limit", readiness.limit);
}
void members(HealthPlan& health, auto visit) {
  visit("none", health.none);
  visit("test", health.test);
  visit("interval", health.interval);
  visit("timeout", health.timeout);
  visit("start_period", health.start_period);
  visit("retries", health.retries);
  visit("on_failure", health.on_failure);
}
void members(MapPlan& map, auto visit) {
  visit("host", map.host);
  visit("container", map.container);
  visit("read_only", map.read_only);
}
void members(RunPlan& plan, auto visit) {
  visit("image", plan.image);
  visit("image_reference", plan.image_reference);
  visit("pull", plan.pull);
  visit("platform", plan.platform);
  visit("cpus", plan.cpus);
  visit("memory_bytes", plan.memory_bytes);
  visit("balloon_bytes", plan.balloon_bytes);
  visit("hugepages", plan.hugepages);
  visit("disk_bytes", plan.disk_bytes);
  visit("disk_rates", plan.disk_rates);
  visit("remove_when_done", plan.remove_when_done);
  visit("stop_grace", plan.stop_grace);
  visit("lifetime", plan.lifetime);
  visit("restart", plan.restart);
  visit("log", plan.log);
  visit("labels", plan.labels);
  visit("vmm", plan.vmm);
  visit("image_plugin", plan.image_plugin);
  visit("network", plan.network);
  visit("readiness", plan.readiness);
  visit("health", plan.health);
  visit("hostname", plan.hostname);
  visit("container", plan.container);
  visit("maps", plan.maps);
  visit("sysctls", plan.sysctls);
  visit("pids_limit", plan.pids_limit);
  visit("metadata_environment", plan.metadata_environment);
  visit("announces_vm", plan.announces_vm);
  visit("assets", plan.assets);
  visit("kernel_args", plan.kernel_args);
  visit("restore", plan.restore);
}

// --- writing ---

Json json_of(bool value) { return value; }
template <std::integral Number>
Json json_of(Number value) {
  return value;
}
Json json_of(const std::string& text) { return to_json_text(text); }
Json json_of(const std::filesystem::path& path) { return to_json_text(path.string()); }
Json json_of(std::chrono::milliseconds time) { return time.count(); }
Json json_of(Protocol protocol) { return to_text(protocol); }
Json json_of(HealthAction action) { return static_cast<int>(action); }
Json json_of(const std::pair<std::string, std::string>& pair) {
  return Json::array({json_of(pair.first), json_of(pair.second)});
}
Json json_of(const PublishedPort& port) { return to_text(port); }
Json json_of(const RestartPolicy& policy) { return to_json_text(policy.name); }
Json json_of(const std::map<std::string, std::string>& map) {
  Json list = Json::array();
  for (const auto& [key, value] : map) list.push_back(Json::array({json_of(key), json_of(value)}));
  return list;
}
template <Whole T>
Json json_of(const T& value);

template <typename T>
Json json_of(const std::optional<T>& value) {
  return value ? json_of(*value) : Json();
}
template <typename T>
Json json_of(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(json_of(value));
  return list;
}
template <Whole T>
Json json_of(const T& value) {
  Json json = Json::object();
  // The list of members is for both directions, and this one changes nothing.
  members(const_cast<T&>(value),
          [&](const char* name, const auto& member) { json[name] = json_of(member); });
  return json;
}

// --- reading: what is of another type throws ---

void fill(const Json& json, bool& into) { into = json.get<bool>(); }
template <std::integral Number>
void fill(const Json& json, Number& into) {
  into = base::json_number<Number>(json);
}
void fill(const Json& json, std::string& into) { into = from_json_text(json); }
void fill(const Json& json, std::filesystem::path& into) { into = from_json_text(json); }
void fill(const Json& json, std::chrono::milliseconds& into) {
  // A thousand years are no mistake of arithmetic yet.
  constexpr std::int64_t kMost = 1000LL * 366 * 24 * 3600 * 1000;
  const auto number = base::json_number<std::int64_t>(json);
  if (number < 0 || number > kMost) throw std::invalid_argument("a time is out of range");
  into = std::chrono::milliseconds(number);
}
void fill(const Json& json, Protocol& into) {
  const auto protocol = parse_protocol(from_json_text(json));
  if (!protocol) throw std::invalid_argument(protocol.error().message());
  into = *protocol;
}
void fill(const Json& json, HealthAction& into) {
  const auto number = base::json_number<std::uint8_t>(json);
  if (number > static_cast<int>(HealthAction::kStop)) throw std::invalid_argument("no action");
  into = static_cast<HealthAction>(number);
}
void fill(const Json& json, std::pair<std::string, std::string>& into) {
  into = {from_json_text(json.at(0)), from_json_text(json.at(1))};
}
void fill(const Json& json, PublishedPort& into) {
  auto port = parse_publish(from_json_text(json));
  if (!port) throw std::invalid_argument(port.error().message());
  into = *std::move(port);
}
void fill(const Json& json, RestartPolicy& into) {
  auto policy = parse_restart_policy(from_json_text(json));
  if (!policy) throw std::invalid_argument(policy.error().message());
  into = *std::move(policy);
}
void fill(const Json& json, std::map<std::string, std::string>& into) {
  for (const Json& pair : json) into[from_json_text(pair.at(0))] = from_json_text(pair.at(1));
}
template <Whole T>
void fill(const Json& json, T& into);

template <typename T>
void fill(const Json& json, std::optional<T>& into) {
  if (json.is_null()) return;
  fill(json, into.emplace());
}
template <typename T>
void fill(const Json& json, std::vector<T>& into) {
  if (!json.is_array()) throw std::invalid_argument("a list is missing");
  for (const Json& item : json) fill(item, into.emplace_back());
}
template <Whole T>
void fill(const Json& json, T& into) {
  if (!json.is_object()) throw std::invalid_argument("an object is missing");
  members(into, [&](const char* name, auto& member) {
    if (const auto found = json.find(name); found != json.end()) fill(*found, member);
  });
}

}  // namespace

std::string plan_to_json(const RunPlan& plan) { return json_of(plan).dump(); }

Result<RunPlan> plan_from_json(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object()) return fail(EPROTO, "reading a VM's plan: it is no JSON object");
    RunPlan plan;
    fill(json, plan);
    return plan;
  } catch (const Json::parse_error& thrown) {
    // Its text quotes the bytes, and they are anybody's.
    return fail(EPROTO, "reading a VM's plan: it is not JSON from byte " +
                            std::to_string(thrown.byte) + " on");
  } catch (const std::exception& thrown) {
    return fail(EPROTO, std::string("reading a VM's plan: ") + thrown.what());
  }
}

}  // namespace fcvm::vm
