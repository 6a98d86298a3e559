#include "core/cli/verbs/ls_fields.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/base/io/disk_usage.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/config/nearest.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Field {
  const char* name;
  const char* heading;
  std::string (*text)(const vm::Record&, const LsView&);
};

std::string pid_text(const vm::Record& record) {
  return std::to_string(record.vmm.alive() ? record.vmm.pid : 0);
}

/// What it has on the host's disk alone: its disk, logs and record, without the image.
std::uint64_t size_of(const vm::Record& record, const LsView& view) {
  return base::bytes_on_disk(view.paths.vm(record.id));
}

constexpr Field kFields[] = {
    {"ID", "ID", [](const vm::Record& r, const LsView&) { return r.id; }},
    {"Image", "IMAGE", [](const vm::Record& r, const LsView&) { return printable(r.image); }},
    {"Command", "COMMAND",
     [](const vm::Record& r, const LsView& view) { return command_text(r, view.whole); }},
    {"CreatedAt", "CREATED AT",
     [](const vm::Record& r, const LsView&) { return vm::rfc3339(r.created_ns); }},
    {"CreatedHuman", "CREATED",
     [](const vm::Record& r, const LsView& view) { return ago(r.created_ns, view.now); }},
    {"RunningFor", "CREATED",
     [](const vm::Record& r, const LsView& view) { return ago(r.created_ns, view.now); }},
    {"Status", "STATUS",
     [](const vm::Record& r, const LsView& view) { return status_text(r, view.now); }},
    {"State", "STATE",
     [](const vm::Record& r, const LsView&) {
       return std::string(vm::to_string(r.effective_phase()));
     }},
    {"Ports", "PORTS", [](const vm::Record& r, const LsView&) { return ports_text(r); }},
    {"Names", "NAMES", [](const vm::Record& r, const LsView&) { return printable(r.name); }},
    {"Pid", "PID", [](const vm::Record& r, const LsView&) { return pid_text(r); }},
    {"ExitCode", "EXIT CODE",
     [](const vm::Record& r, const LsView&) { return std::to_string(r.exit_code); }},
    {"Labels", "LABELS", [](const vm::Record& r, const LsView&) { return labels_text(r.labels); }},
    {"Networks", "NETWORKS",
     [](const vm::Record& r, const LsView&) { return printable(r.network); }},
    {"Size", "SIZE",
     [](const vm::Record& r, const LsView& view) { return size_text(size_of(r, view)); }},
    {"Vmm", "VMM", [](const vm::Record& r, const LsView&) { return printable(r.vmm_plugin); }},
};

Result<const Field*> find_field(const std::string& name) {
  std::vector<std::string> names;
  for (const Field& field : kFields) {
    if (name == field.name) return &field;
    names.emplace_back(field.name);
  }
  return fail(EINVAL, fmt::format("--format: there is no field {{{{.{}}}}}{}", name,
                                  config::did_you_mean(name, names)));
}

Json ports_json(const vm::Record& record) {
  Json list = Json::array();
  for (const auto& port : record.ports) {
    list.push_back({{"host_ip", port.address},
                    {"container_port", port.guest_port},
                    {"host_port", port.host_port},
                    {"range", port.count},
                    {"protocol", vm::to_text(port.protocol)}});
  }
  return list;
}

Json record_json(const vm::Record& record, const LsView& view) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto phase = record.effective_phase();
  Json json = {{"Id", record.id},
               {"Names", Json::array({record.name})},
               {"Image", record.image},
               {"Command", record.command},
               {"Created", record.created_ns / kSecond},
               {"CreatedAt", vm::rfc3339(record.created_ns)},
               {"StartedAt", record.started_ns / kSecond},
               {"ExitedAt", record.finished_ns / kSecond},
               {"Exited", phase == vm::Phase::kExited},
               {"ExitCode", record.exit_code},
               {"State", vm::to_string(phase)},
               {"Status", status_text(record, view.now)},
               {"Pid", record.vmm.alive() ? record.vmm.pid : 0},
               {"Labels", record.labels},
               {"Networks", Json::array({record.network})},
               {"NetworkError", record.network_error},
               {"Ports", ports_json(record)},
               {"AutoRemove", record.remove_when_done},
               {"Vmm", record.vmm_plugin}};
  if (view.sized) json["Size"] = size_of(record, view);
  return json;
}

}  // namespace

Result<std::string> ls_field(const vm::Record& record, const std::string& name,
                             const LsView& view) {
  return FCVM_TRY(find_field(name))->text(record, view);
}

Result<std::string> ls_heading(const std::string& name) {
  return std::string(FCVM_TRY(find_field(name))->heading);
}

std::string ls_json(const std::vector<vm::Record>& records, const LsView& view) {
  Json list = Json::array();
  for (const auto& record : records) list.push_back(record_json(record, view));
  return json_text(list) + '\n';
}

}  // namespace fcvm::cli
