// Record as JSON: data/vms/ID/vm.json. Maps are lists of pairs, since keys are bytes, too.
#include "core/base/json_number.hpp"
#include "core/vm/model/id.hpp"
#include "core/vm/model/json_text.hpp"
#include "core/vm/model/record.hpp"

namespace fcvm::vm {
namespace {

using base::json_number;

using Json = nlohmann::ordered_json;

Json write_list(const std::vector<std::string>& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to_json_text(item));
  return list;
}

template <typename Pairs>
Json write_pairs(const Pairs& pairs) {
  Json list = Json::array();
  for (const auto& [key, value] : pairs) {
    list.push_back(Json::array({to_json_text(key), to_json_text(value)}));
  }
  return list;
}

Json write_process(const base::ProcessId& process) {
  return {{"pid", process.pid},
          {"start_time", process.start_time},
          {"boot", to_json_text(process.boot)},
          {"pid_namespace", process.pid_namespace}};
}

Json write_processes(const std::vector<ProcessRecord>& processes) {
  Json list = Json::array();
  for (const auto& process : processes) {
    list.push_back({{"name", to_json_text(process.name)},
                    {"id", write_process(process.id)},
                    {"jail", to_json_text(process.jail)},
                    {"jail_reason", to_json_text(process.jail_reason)}});
  }
  return list;
}

Json write_rates(const DiskRates& rates) {
  return {rates.read_bytes, rates.write_bytes, rates.read_operations, rates.write_operations};
}

Json write_ports(const std::vector<PublishedPort>& ports) {
  Json list = Json::array();
  for (const auto& port : ports) {
    list.push_back({{"address", to_json_text(port.address)},
                    {"host_port", port.host_port},
                    {"guest_port", port.guest_port},
                    {"protocol", to_text(port.protocol)},
                    {"count", port.count}});
  }
  return list;
}

Json write_gates(const std::vector<GateRecord>& gates) {
  Json list = Json::array();
  for (const auto& gate : gates) {
    list.push_back({{"text", to_json_text(gate.text)}, {"passed", gate.passed}});
  }
  return list;
}

Json write_health(const HealthRecord& health) {
  return {{"command", write_list(health.command)}, {"timeout_ms", health.timeout_ms},
          {"status", to_json_text(health.status)}, {"failing_streak", health.failing_streak},
          {"exit_code", health.exit_code},         {"output", to_json_text(health.output)}};
}

Json write_plugin_state(const Record& record) {
  Json list = Json::array();
  for (const auto& [plugin, state] : record.plugin_state) {
    list.push_back({{"plugin", to_json_text(plugin)}, {"state", write_pairs(state)}});
  }
  return list;
}

void put_what_it_runs(Json& json, const Record& record) {
  json["image"] = to_json_text(record.image);
  json["image_digest"] = to_json_text(record.image_digest);
  json["snapshot"] = to_json_text(record.snapshot);
  json["snapshot_tag"] = to_json_text(record.snapshot_tag);
  json["image_id"] = to_json_text(record.image_id);
  json["command"] = write_list(record.command);
  json["labels"] = write_pairs(record.labels);
  json["cpus"] = record.cpus;
  json["memory_bytes"] = record.memory_bytes;
  json["remove_when_done"] = record.remove_when_done;
  json["detached"] = record.detached;
  json["log_driver"] = to_json_text(record.log_driver);
  json["log_max_bytes"] = record.log_max_bytes;
  json["log_max_files"] = record.log_max_files;
  json["disk_bytes"] = record.disk_bytes;
  json["disk_rates"] = write_rates(record.disk_rates);
  json["pids_limit"] = record.pids_limit;
  json["lifetime_ms"] = record.lifetime_ms;
  json["stop_grace_ms"] = record.stop_grace_ms;
}

void put_life(Json& json, const Record& record) {
  json["phase"] = to_string(record.phase);
  json["awaits_start"] = record.awaits_start;
  json["created_ns"] = record.created_ns;
  json["started_ns"] = record.started_ns;
  json["finished_ns"] = record.finished_ns;
  json["exit_code"] = record.exit_code;
  json["restart_policy"] = to_json_text(record.restart_policy);
  json["restarts"] = record.restarts;
  json["gates"] = write_gates(record.gates);
  json["health"] = write_health(record.health);
  json["error"] = to_json_text(record.error);
  json["error_remedy"] = to_json_text(record.error_remedy);
  json["supervisor"] = write_process(record.supervisor);
  json["vmm"] = write_process(record.vmm);
  json["processes"] = write_processes(record.processes);
  json["cgroup"] = to_json_text(record.cgroup);
  json["limits"] = to_json_text(record.limits);
  json["limits_missing"] = to_json_text(record.limits_missing);
}

void put_what_runs_it(Json& json, const Record& record) {
  json["vmm_plugin"] = to_json_text(record.vmm_plugin);
  json["vmm_version"] = to_json_text(record.vmm_version);
  json["accelerator"] = to_json_text(record.accelerator);
  json["network"] = to_json_text(record.network);
  json["image_plugin"] = to_json_text(record.image_plugin);
  json["plugin_versions"] = write_pairs(record.plugin_versions);
  json["guest_addresses"] = write_list(record.guest_addresses);
  json["gateways"] = write_list(record.gateways);
  json["mac_address"] = to_json_text(record.mac_address);
  json["host_address"] = to_json_text(record.host_address);
  json["ports"] = write_ports(record.ports);
  json["network_open"] = write_list(record.network_open);
  json["network_rate_in"] = record.network_rate_in;
  json["network_rate_out"] = record.network_rate_out;
  json["network_error"] = to_json_text(record.network_error);
  json["awaits_room"] = record.awaits_room;
  json["plugin_state"] = write_plugin_state(record);
}

// Reading: a key that is missing keeps its default, and one that is unknown is left alone, so that
// records of one format may gain keys. A value of another type throws.

void read(const Json& value, std::string& into) { into = from_json_text(value); }
void read(const Json& value, bool& into) { into = value.get<bool>(); }
template <std::integral Number>
void read(const Json& value, Number& into) {
  into = json_number<Number>(value);
}
void read(const Json& value, std::vector<std::string>& into) {
  for (const Json& item : value) into.push_back(from_json_text(item));
}
void read(const Json& value, std::map<std::string, std::string>& into) {
  for (const Json& pair : value) into[from_json_text(pair.at(0))] = from_json_text(pair.at(1));
}
void read(const Json& value, base::ProcessId& into) {
  read(value.at("pid"), into.pid);
  read(value.at("start_time"), into.start_time);
  // Records had neither at first.
  if (const auto boot = value.find("boot"); boot != value.end()) into.boot = from_json_text(*boot);
  if (const auto space = value.find("pid_namespace"); space != value.end()) {
    read(*space, into.pid_namespace);
  }
}
void read(const Json& value, DiskRates& into) {
  read(value.at(0), into.read_bytes);
  read(value.at(1), into.write_bytes);
  read(value.at(2), into.read_operations);
  read(value.at(3), into.write_operations);
}
void read(const Json& value, std::vector<ProcessRecord>& into) {
  for (const Json& process : value) {
    ProcessRecord& read_one = into.emplace_back();
    read_one.name = from_json_text(process.at("name"));
    read(process.at("id"), read_one.id);
    read_one.jail = from_json_text(process.at("jail"));
    read_one.jail_reason = from_json_text(process.at("jail_reason"));
  }
}
void read(const Json& value, std::vector<GateRecord>& into) {
  for (const Json& gate : value) {
    GateRecord& read_one = into.emplace_back();
    read_one.text = from_json_text(gate.at("text"));
    read_one.passed = gate.at("passed").get<bool>();
  }
}
void read(const Json& value, HealthRecord& into) {
  read(value.at("command"), into.command);
  read(value.at("timeout_ms"), into.timeout_ms);
  read(value.at("status"), into.status);
  read(value.at("failing_streak"), into.failing_streak);
  read(value.at("exit_code"), into.exit_code);
  read(value.at("output"), into.output);
}
void read(const Json& value, std::vector<PublishedPort>& into) {
  for (const Json& port : value) {
    PublishedPort& read_one = into.emplace_back();
    read_one.address = from_json_text(port.at("address"));
    read(port.at("host_port"), read_one.host_port);
    read(port.at("guest_port"), read_one.guest_port);
    const auto protocol = parse_protocol(from_json_text(port.at("protocol")));
    if (!protocol) throw std::invalid_argument(protocol.error().message());
    read_one.protocol = *protocol;
    if (const auto count = port.find("count"); count != port.end()) read(*count, read_one.count);
  }
}
void read(const Json& value,
          std::map<std::string, std::vector<std::pair<std::string, std::string>>>& into) {
  for (const Json& plugin : value) {
    auto& state = into[from_json_text(plugin.at("plugin"))];
    for (const Json& pair : plugin.at("state")) {
      state.emplace_back(from_json_text(pair.at(0)), from_json_text(pair.at(1)));
    }
  }
}

/// Where the value of a key goes.
using Reader = void (*)(const Json&, Record&);
template <auto Member>
void read_member(const Json& value, Record& record) {
  read(value, record.*Member);
}
void read_phase(const Json& value, Record& record) {
  auto phase = parse_phase(value.get<std::string>());
  // A word that only a newer fcvm knows: the record is not one of this format.
  if (!phase) throw std::invalid_argument(phase.error().message());
  record.phase = *phase;
}

// In the order in which to_json writes them, so that each is found at once.
constexpr std::pair<std::string_view, Reader> kReaders[] = {
    {"id", read_member<&Record::id>},
    {"name", read_member<&Record::name>},
    {"image", read_member<&Record::image>},
    {"image_digest", read_member<&Record::image_digest>},
    {"snapshot", read_member<&Record::snapshot>},
    {"snapshot_tag", read_member<&Record::snapshot_tag>},
    {"image_id", read_member<&Record::image_id>},
    {"command", read_member<&Record::command>},
    {"labels", read_member<&Record::labels>},
    {"cpus", read_member<&Record::cpus>},
    {"memory_bytes", read_member<&Record::memory_bytes>},
    {"remove_when_done", read_member<&Record::remove_when_done>},
    {"detached", read_member<&Record::detached>},
    {"log_driver", read_member<&Record::log_driver>},
    {"log_max_bytes", read_member<&Record::log_max_bytes>},
    {"log_max_files", read_member<&Record::log_max_files>},
    {"disk_bytes", read_member<&Record::disk_bytes>},
    {"disk_rates", read_member<&Record::disk_rates>},
    {"pids_limit", read_member<&Record::pids_limit>},
    {"lifetime_ms", read_member<&Record::lifetime_ms>},
    {"stop_grace_ms", read_member<&Record::stop_grace_ms>},
    {"phase", read_phase},
    {"awaits_start", read_member<&Record::awaits_start>},
    {"created_ns", read_member<&Record::created_ns>},
    {"started_ns", read_member<&Record::started_ns>},
    {"finished_ns", read_member<&Record::finished_ns>},
    {"exit_code", read_member<&Record::exit_code>},
    {"restart_policy", read_member<&Record::restart_policy>},
    {"restarts", read_member<&Record::restarts>},
    {"gates", read_member<&Record::gates>},
    {"health", read_member<&Record::health>},
    {"error", read_member<&Record::error>},
    {"error_remedy", read_member<&Record::error_remedy>},
    {"supervisor", read_member<&Record::supervisor>},
    {"vmm", read_member<&Record::vmm>},
    {"processes", read_member<&Record::processes>},
    {"cgroup", read_member<&Record::cgroup>},
    {"limits", read_member<&Record::limits>},
    {"limits_missing", read_member<&Record::limits_missing>},
    {"vmm_plugin", read_member<&Record::vmm_plugin>},
    {"vmm_version", read_member<&Record::vmm_version>},
    {"accelerator", read_member<&Record::accelerator>},
    {"network", read_member<&Record::network>},
    {"image_plugin", read_member<&Record::image_plugin>},
    {"plugin_versions", read_member<&Record::plugin_versions>},
    {"guest_addresses", read_member<&Record::guest_addresses>},
    {"gateways", read_member<&Record::gateways>},
    {"mac_address", read_member<&Record::mac_address>},
    {"host_address", read_member<&Record::host_address>},
    {"ports", read_member<&Record::ports>},
    {"network_open", read_member<&Record::network_open>},
    {"network_rate_in", read_member<&Record::network_rate_in>},
    {"network_rate_out", read_member<&Record::network_rate_out>},
    {"network_error", read_member<&Record::network_error>},
    {"awaits_room", read_member<&Record::awaits_room>},
    {"plugin_state", read_member<&Record::plugin_state>},
};

void read_members(const Json& json, Record& record) {
  std::size_t next = 0;
  constexpr std::size_t kCount = std::size(kReaders);
  for (const auto& [key, value] : json.items()) {
    for (std::size_t tried = 0; tried < kCount; ++tried) {
      const auto& [name, reader] = kReaders[(next + tried) % kCount];
      if (name != key) continue;
      reader(value, record);
      next = (next + tried + 1) % kCount;
      break;
    }
  }
}

Result<Record> read_record(const Json& json) {
  const int format = json_number<int>(json.at("format"));
  if (format > Record::kFormat) {
    return fail(ENOTSUP,
                "it has format " + std::to_string(format) +
                    ", and this fcvm knows only formats up to " + std::to_string(Record::kFormat),
                "use the newer fcvm that wrote it");
  }
  if (format < 1) return fail(EPROTO, "it has the impossible format " + std::to_string(format));
  Record record;
  read_members(json, record);
  // The id becomes part of paths.
  if (!is_id(record.id)) return fail(EPROTO, "\"" + record.id + "\" is not an id of a VM");
  return record;
}

}  // namespace

std::string to_json(const Record& record) {
  Json json = {{"format", Record::kFormat}};
  json["id"] = to_json_text(record.id);
  json["name"] = to_json_text(record.name);
  put_what_it_runs(json, record);
  put_life(json, record);
  put_what_runs_it(json, record);
  return json.dump() + '\n';
}

Result<Record> record_from_json(std::string_view json) {
  try {
    return read_record(Json::parse(json)) | context("reading a VM's record");
  } catch (const Json::parse_error& thrown) {
    // Its text quotes the bytes, and they are anybody's.
    return fail(EPROTO, "reading a VM's record: it is not JSON from byte " +
                            std::to_string(thrown.byte) + " on");
  } catch (const std::exception& thrown) {
    return fail(EPROTO, std::string("reading a VM's record: ") + thrown.what());
  }
}

}  // namespace fcvm::vm
