// fcvm inspect: all that is known of VMs, in the words of podman inspect.
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/each_vm.hpp"
#include "core/cli/text/container_json.hpp"
#include "core/cli/text/json_template.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/host/isolation.hpp"
#include "core/vm/model/restart_policy.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

/// podman's zero time for what has not happened.
std::string time_text(std::int64_t time_ns) {
  return time_ns == 0 ? "0001-01-01T00:00:00Z" : vm::rfc3339(time_ns);
}

/// podman counts whole ones.
std::int64_t seconds(std::int64_t ms) { return (ms + 999) / 1000; }

/// In podman's form. Of its list of checks it has the last that changed something.
Json health_json(const vm::HealthRecord& health) {
  Json log = Json::array();
  if (health.status != "starting") {
    log.push_back({{"ExitCode", health.exit_code}, {"Output", health.output}});
  }
  return {{"Status", health.status}, {"FailingStreak", health.failing_streak}, {"Log", log}};
}

Json state_json(const vm::Record& record) {
  const auto phase = record.effective_phase();
  Json json = {{"Status", vm::to_string(phase)},
               {"Running", phase == vm::Phase::kRunning},
               {"Paused", phase == vm::Phase::kPaused},
               {"Pid", record.vmm.alive() ? record.vmm.pid : 0},
               {"ExitCode", record.exit_code},
               {"Error", record.error},
               {"Remedy", record.error_remedy},
               {"CgroupPath", record.cgroup},
               {"StartedAt", time_text(record.started_ns)},
               {"FinishedAt", time_text(record.finished_ns)}};
  if (!record.health.status.empty()) json["Health"] = health_json(record.health);
  return json;
}

Json gates_json(const vm::Record& record) {
  Json list = Json::array();
  for (const auto& gate : record.gates) {
    list.push_back({{"Gate", gate.text}, {"Passed", gate.passed}});
  }
  return list;
}

Json ports_json(const vm::Record& record) {
  Json ports = Json::object();
  for (const auto& port : record.ports) {
    for (std::uint32_t i = 0; i < port.count; ++i) {
      ports[fmt::format("{}/{}", port.guest_port + i, vm::to_text(port.protocol))].push_back(
          {{"HostIp", port.address}, {"HostPort", std::to_string(port.host_port + i)}});
    }
  }
  return ports;
}

/// The address of IPv4 or of IPv6, without its prefix length, among several.
std::string address_of(const std::vector<std::string>& addresses, bool v6) {
  for (const auto& address : addresses) {
    if ((address.find(':') != std::string::npos) == v6) return address.substr(0, address.find('/'));
  }
  return "";
}

Json network_json(const vm::Record& record) {
  return {{"IPAddress", address_of(record.guest_addresses, false)},
          {"Gateway", address_of(record.gateways, false)},
          {"GlobalIPv6Address", address_of(record.guest_addresses, true)},
          {"IPv6Gateway", address_of(record.gateways, true)},
          {"MacAddress", record.mac_address},
          {"Addresses", record.guest_addresses},
          {"HostAddress", record.host_address},
          {"Open", record.network_open},
          {"RateIn", record.network_rate_in},
          {"RateOut", record.network_rate_out},
          {"Error", record.network_error},
          {"Ports", ports_json(record)}};
}

/// In podman's form, a list of disks; every disk of a VM has the same limit.
Json rate_json(std::uint64_t rate) {
  if (rate == 0) return Json::array();
  return Json::array({{{"Path", "every disk"}, {"Rate", rate}}});
}

std::uint32_t most_restarts(const vm::Record& record) {
  const auto policy = vm::parse_restart_policy(record.restart_policy);
  return policy ? policy->most : 0;
}

Json host_config_json(const vm::Record& record) {
  constexpr std::int64_t kNanoCpu = 1'000'000'000;
  Json log = {{"Type", record.log_driver}};
  if (record.log_max_files != 0) {
    log["Config"] = {{"max-size", std::to_string(record.log_max_bytes)},
                     {"max-file", std::to_string(record.log_max_files)}};
  }
  return {{"Memory", record.memory_bytes},
          {"NanoCpus", record.cpus * kNanoCpu},
          {"DiskSize", record.disk_bytes},
          {"PidsLimit", record.pids_limit},
          {"BlkioDeviceReadBps", rate_json(record.disk_rates.read_bytes)},
          {"BlkioDeviceWriteBps", rate_json(record.disk_rates.write_bytes)},
          {"BlkioDeviceReadIOps", rate_json(record.disk_rates.read_operations)},
          {"BlkioDeviceWriteIOps", rate_json(record.disk_rates.write_operations)},
          {"AutoRemove", record.remove_when_done},
          {"RestartPolicy",
           {{"Name", record.restart_policy.substr(0, record.restart_policy.find(':'))},
            {"MaximumRetryCount", most_restarts(record)}}},
          {"LogConfig", log},
          {"NetworkMode", record.network}};
}

Json isolation_json(const vm::ProcessRecord& process) {
  Json json = {{"Name", process.name},
               {"Pid", process.id.pid},
               {"Jail", process.jail},
               {"Reason", process.jail_reason}};
  const auto found = vm::isolation_of(process.id.pid);
  if (!found) return json;
  json["Uid"] = found->uid;
  json["Gid"] = found->gid;
  json["Capabilities"] = found->capabilities;
  json["BoundingCapabilities"] = found->bounding;
  json["NoNewPrivileges"] = found->no_new_privileges;
  json["Seccomp"] = found->seccomp;
  json["OwnRoot"] = found->own_root;
  json["OwnNamespaces"] = found->namespaces;
  return json;
}

/// Of each process that belongs to a VM which runs, the supervisor first.
Json isolations_json(const vm::Record& record) {
  Json list = Json::array();
  if (!record.supervisor.alive()) return list;
  list.push_back(isolation_json({"supervisor", record.supervisor, "", ""}));
  for (const auto& process : record.processes) {
    if (process.id.alive()) list.push_back(isolation_json(process));
  }
  return list;
}

Json fcvm_json(const vm::Record& record, const vm::Paths& paths) {
  return {{"Vmm", record.vmm_plugin},
          {"VmmVersion", record.vmm_version},
          {"Accelerator", record.accelerator},
          {"ImagePlugin", record.image_plugin},
          {"Snapshot", record.snapshot},
          {"SnapshotTag", record.snapshot_tag},
          {"Plugins", record.plugin_versions},
          {"SupervisorPid", record.supervisor.alive() ? record.supervisor.pid : 0},
          {"Cpus", record.cpus},
          {"Limits", record.limits.empty() ? "no limits" : record.limits},
          {"LimitsMissing", record.limits_missing},
          {"Detached", record.detached},
          {"Ready", record.is_up() && record.is_ready()},
          {"Gates", gates_json(record)},
          {"Isolation", isolations_json(record)},
          {"Paths",
           {{"Directory", paths.vm(record.id).string()},
            {"Record", paths.record(record.id).string()},
            {"ContainerLog", paths.container_log(record.id).string()},
            {"ConsoleLog", paths.console_log(record.id).string()},
            {"SupervisorLog", paths.supervisor_log(record.id).string()},
            {"Sockets", paths.sockets(record.id).string()}}}};
}

/// Its own members, and those that the plan tells.
void add(Json& to, const Json& more) {
  for (const auto& item : more.items()) {
    if (!to.contains(item.key())) to[item.key()] = item.value();
  }
}

Json inspect_json(const vm::Record& record, const vm::Store& store) {
  // One that an older fcvm has run has neither, and lacks what they tell.
  const auto plan = store.load_plan(record.id).value_or(vm::RunPlan());
  const auto image = store.load_image_config(record.id).value_or("");
  const ContainerJson container(plan, image);
  auto words = container.words().empty() ? record.command : container.words();
  const std::string path = words.empty() ? "" : words.front();
  if (!words.empty()) words.erase(words.begin());
  Json config = container.config();
  config["Labels"] = record.labels;
  config["Timeout"] = seconds(record.lifetime_ms);
  config["StopTimeout"] = seconds(record.stop_grace_ms);
  if (config["Cmd"].empty()) config["Cmd"] = record.command;
  Json host_config = host_config_json(record);
  add(host_config, container.host_config());
  return {{"Id", record.id},
          {"Created", time_text(record.created_ns)},
          {"Path", path},
          {"Args", words},
          {"Name", record.name},
          {"State", state_json(record)},
          {"Image", record.image_id},
          {"ImageName", record.image},
          {"ImageDigest", record.image_digest},
          {"RestartCount", record.restarts},
          {"Config", config},
          {"HostConfig", host_config},
          {"Mounts", container.mounts()},
          {"NetworkSettings", network_json(record)},
          {"Fcvm", fcvm_json(record, store.paths())}};
}

Result<int> run(Invocation& invocation) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  Json list = Json::array();
  const auto collect = [&](const vm::Record& record) -> Result<void> {
    list.push_back(inspect_json(record, *store));
    return {};
  };
  const int code = FCVM_TRY(each_vm(invocation, {.action = collect, .print_names = false}));
  FCVM_TRY(print_objects(list, invocation.value("format"),
                         "fcvm inspect NAME without --format shows all fields"));
  return code;
}

}  // namespace

Verb inspect_verb() {
  return {
      .name = "inspect",
      .aliases = {"podman inspect"},
      .arguments = "[--format TEMPLATE] NAME...",
      .summary = "Show all that is known of VMs, as JSON",
      .details =
          "Prints a JSON array with an object for each VM. Its keys are podman's: Id, Name, "
          "Created,\n"
          "State, Path, Args, Image (the id), ImageName, Config, HostConfig, Mounts and\n"
          "NetworkSettings; State.Pid is the VMM's.\n"
          "HostConfig has the limits: sizes and rates in bytes (NetworkSettings.RateIn and "
          "RateOut,\n"
          "too, each second), PidsLimit 0 for podman's own and -1 for none. Timeout and "
          "StopTimeout\n"
          "of Config are in seconds.\n"
          "`Fcvm` holds what podman has no word for: the VMM and its version, the accelerator, "
          "the\n"
          "plugins, the limits of the VM's cgroup, how each process is jailed, the supervisor, "
          "and\n"
          "where the logs and sockets lie.\n"
          "\n"
          "--format prints single fields by a Go template: {{.State.Status}}, {{json .Config}}; it "
          "has\n"
          "if, else, range, with, variables, and the functions index, len, join, split, upper, "
          "lower,\n"
          "json, eq, ne, lt, le, gt, ge, and, or, not, print, println and printf.\n"
          "\n"
          "Examples:\n"
          "  fcvm inspect web\n"
          "  fcvm inspect --format '{{.State.ExitCode}}' web\n"
          "  fcvm inspect --format '{{range .Config.Env}}{{println .}}{{end}}' web\n",
      .options = {latest_option(),
                  {.name = "format", .help = "print by this Go template", .letter = 'f'}},
      .bears_mistakes = true,
      .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kVms},
      .run = run};
}

}  // namespace fcvm::cli
