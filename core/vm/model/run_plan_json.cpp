// See run_plan_json.hpp.
#include "core/vm/model/run_plan_json.hpp"

#include <stdexcept>

#include "core/base/json_number.hpp"
#include "core/vm/model/json_text.hpp"

namespace fcvm::vm {
namespace {

using Json = nlohmann::ordered_json;

/// No plan has as many of anything.
constexpr std::size_t kMostElements = 65536;

Json texts(const std::vector<std::string>& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to_json_text(item));
  return list;
}

std::vector<std::string> read_texts(const Json& json) {
  if (json.size() > kMostElements) throw std::invalid_argument("a list is too long");
  std::vector<std::string> items;
  for (const Json& item : json) items.push_back(from_json_text(item));
  return items;
}

Json write_access(const HostAccess& access) {
  Json ports = Json::array();
  for (const auto& one : access.ports) {
    const std::string protocol(one.protocol ? to_text(*one.protocol) : "");
    ports.push_back({{"first", one.first}, {"count", one.count}, {"protocol", protocol}});
  }
  return {{"all", access.all}, {"ports", std::move(ports)}};
}

Protocol read_protocol(const std::string& text) {
  const auto protocol = parse_protocol(text);
  if (!protocol) throw std::invalid_argument(protocol.error().message());
  return *protocol;
}

HostAccess read_access(const Json& json) {
  HostAccess access;
  access.all = json.at("all").get<bool>();
  for (const Json& one : json.at("ports")) {
    OpenPorts ports;
    ports.first = base::json_number<std::uint16_t>(one.at("first"));
    ports.count = base::json_number<std::uint16_t>(one.at("count"));
    const std::string protocol = from_json_text(one.at("protocol"));
    if (!protocol.empty()) ports.protocol = read_protocol(protocol);
    access.ports.push_back(ports);
  }
  return access;
}

Json write_network(const NetworkPlan& network) {
  Json hosts = Json::array();
  for (const auto& host : network.hosts) {
    hosts.push_back({to_json_text(host.address), to_json_text(host.names)});
  }
  Json proxies = Json::array();
  for (const auto& proxy : network.proxy_endpoints) {
    proxies.push_back({{"address", to_json_text(proxy.address)}, {"port", proxy.port}});
  }
  Json publish = Json::array();
  for (const auto& port : network.publish) publish.push_back(to_text(port));
  return {{"plugin", to_json_text(network.plugin)},
          {"mac", to_json_text(network.mac)},
          {"ipv4", to_json_text(network.ipv4)},
          {"ipv6", to_json_text(network.ipv6)},
          {"ipv6_prefix", to_json_text(network.ipv6_prefix)},
          {"mtu", network.mtu},
          {"host_loopback", write_access(network.host_loopback)},
          {"host_addresses", write_access(network.host_addresses)},
          {"link_local", network.link_local},
          {"rate_in", network.rate_in},
          {"rate_out", network.rate_out},
          {"dns", texts(network.dns)},
          {"dns_search", texts(network.dns_search)},
          {"dns_options", texts(network.dns_options)},
          {"hosts", std::move(hosts)},
          {"publish", std::move(publish)},
          {"proxies", std::move(proxies)}};
}

NetworkPlan read_network(const Json& json) {
  NetworkPlan network;
  network.plugin = from_json_text(json.at("plugin"));
  network.mac = from_json_text(json.at("mac"));
  network.ipv4 = from_json_text(json.at("ipv4"));
  network.ipv6 = from_json_text(json.at("ipv6"));
  network.ipv6_prefix = from_json_text(json.at("ipv6_prefix"));
  network.mtu = base::json_number<std::uint32_t>(json.at("mtu"));
  network.host_loopback = read_access(json.at("host_loopback"));
  network.host_addresses = read_access(json.at("host_addresses"));
  network.link_local = json.at("link_local").get<bool>();
  network.rate_in = base::json_number<std::uint64_t>(json.at("rate_in"));
  network.rate_out = base::json_number<std::uint64_t>(json.at("rate_out"));
  network.dns = read_texts(json.at("dns"));
  network.dns_search = read_texts(json.at("dns_search"));
  network.dns_options = read_texts(json.at("dns_options"));
  for (const Json& host : json.at("hosts")) {
    network.hosts.push_back({from_json_text(host.at(0)), from_json_text(host.at(1))});
  }
  for (const auto& text : read_texts(json.at("publish"))) {
    const auto port = parse_publish(text);
    if (!port) throw std::invalid_argument(port.error().message());
    network.publish.push_back(*port);
  }
  for (const Json& proxy : json.at("proxies")) {
    network.proxy_endpoints.push_back(
        {from_json_text(proxy.at("address")), base::json_number<std::uint16_t>(proxy.at("port"))});
  }
  return network;
}

Json write_disks(const std::vector<ImageDisk>& disks) {
  Json list = Json::array();
  for (const auto& disk : disks) {
    list.push_back({{"format", to_json_text(disk.format)},
                    {"content_bytes", disk.content_bytes},
                    {"flags", disk.flags}});
  }
  return list;
}

std::vector<ImageDisk> read_disks(const Json& json) {
  std::vector<ImageDisk> disks;
  for (const Json& disk : json) {
    disks.push_back({from_json_text(disk.at("format")),
                     base::json_number<std::uint64_t>(disk.at("content_bytes")),
                     base::json_number<std::uint32_t>(disk.at("flags"))});
  }
  return disks;
}

DiskRates read_rates(const Json& json) {
  const auto number = [&](std::size_t at) { return base::json_number<std::uint64_t>(json.at(at)); };
  return {number(0), number(1), number(2), number(3)};
}

RunPlan read_plan(const Json& json) {
  RunPlan plan;
  plan.image = from_json_text(json.at("image"));
  plan.container.command = read_texts(json.at("command"));
  plan.container.tty = json.at("tty").get<bool>();
  plan.container.interactive = json.at("interactive").get<bool>();
  for (const Json& label : json.at("labels")) {
    plan.labels[from_json_text(label.at(0))] = from_json_text(label.at(1));
  }
  plan.cpus = base::json_number<std::uint32_t>(json.at("cpus"));
  plan.memory_bytes = base::json_number<std::uint64_t>(json.at("memory_bytes"));
  plan.disk_bytes = base::json_number<std::uint64_t>(json.at("disk_bytes"));
  plan.disk_rates = read_rates(json.at("disk_rates"));
  plan.pids_limit = base::json_number<std::int64_t>(json.at("pids_limit"));
  plan.stop_grace =
      std::chrono::milliseconds(base::json_number<std::int64_t>(json.at("stop_grace_ms")));
  plan.kernel_args = from_json_text(json.at("kernel_args"));
  plan.vmm = from_json_text(json.at("vmm"));
  plan.image_plugin = from_json_text(json.at("image_plugin"));
  plan.network = read_network(json.at("network"));
  plan.restore.emplace();
  plan.restore->image_disks = read_disks(json.at("image_disks"));
  return plan;
}

}  // namespace

std::string to_json(const RunPlan& plan, const std::vector<ImageDisk>& image_disks) {
  Json labels = Json::array();
  for (const auto& [name, value] : plan.labels) {
    labels.push_back({to_json_text(name), to_json_text(value)});
  }
  const Json json = {{"image", to_json_text(plan.image)},
                     {"command", texts(plan.container.command)},
                     {"tty", plan.container.tty},
                     {"interactive", plan.container.interactive},
                     {"labels", std::move(labels)},
                     {"cpus", plan.cpus},
                     {"memory_bytes", plan.memory_bytes},
                     {"disk_bytes", plan.disk_bytes},
                     {"disk_rates",
                      {plan.disk_rates.read_bytes, plan.disk_rates.write_bytes,
                       plan.disk_rates.read_operations, plan.disk_rates.write_operations}},
                     {"pids_limit", plan.pids_limit},
                     {"stop_grace_ms", plan.stop_grace.count()},
                     {"kernel_args", to_json_text(plan.kernel_args)},
                     {"vmm", to_json_text(plan.vmm)},
                     {"image_plugin", to_json_text(plan.image_plugin)},
                     {"network", write_network(plan.network)},
                     {"image_disks", write_disks(image_disks)}};
  return json.dump();
}

Result<RunPlan> run_plan_from_json(std::string_view json) {
  try {
    return read_plan(Json::parse(json));
  } catch (const std::exception& thrown) {
    return fail(EPROTO, std::string("a VM's plan that cannot be read: ") + thrown.what());
  }
}

}  // namespace fcvm::vm
