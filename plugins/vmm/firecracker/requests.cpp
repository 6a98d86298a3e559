// See requests.hpp. The only file that knows JSON.
#include "plugins/vmm/firecracker/requests.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <fcvm/sdk/sized.hpp>

namespace fcvm::firecracker {

namespace {

using Json = nlohmann::json;

/// Any number above the reserved ones: each VM's vsock has a socket of its own on the host.
constexpr int kGuestCid = 3;
constexpr int kRefillMs = 1000;

/// Whatever is not UTF-8 cannot be said in JSON; the replacement shows in the refusal.
std::string text_of_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Request put(const std::string& path, const Json& body) { return {"PUT", path, text_of_json(body)}; }

Request patch(const std::string& path, const Json& body) {
  return {"PATCH", path, text_of_json(body)};
}

/// Firecracker's ids have no dashes, and fcvm's no underscores.
std::string id_of(const char* id) {
  std::string text = id == nullptr ? "" : id;
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

Json bucket(std::uint64_t per_second, std::uint64_t burst) {
  Json made = {{"size", per_second}, {"refill_time", kRefillMs}};
  if (burst != 0) made["one_time_burst"] = burst;
  return made;
}

std::uint64_t smallest(std::initializer_list<std::uint64_t> rates) {
  std::uint64_t least = 0;
  for (const std::uint64_t rate : rates) {
    if (rate != 0 && (least == 0 || rate < least)) least = rate;
  }
  return least;
}

/// One bucket counts what is read and what is written.
void limit(Json& device, const char* name, const fcvm_rate_limit* given) {
  if (given == nullptr) return;
  const auto rates = sized_copy(given);
  Json limiter = Json::object();
  const std::uint64_t bytes =
      smallest({rates.bytes_per_second, rates.read_bytes_per_second, rates.write_bytes_per_second});
  const std::uint64_t operations =
      smallest({rates.operations_per_second, rates.read_operations_per_second,
                rates.write_operations_per_second});
  if (bytes != 0) limiter["bandwidth"] = bucket(bytes, rates.bytes_burst);
  if (operations != 0) limiter["ops"] = bucket(operations, rates.operations_burst);
  if (!limiter.empty()) device[name] = std::move(limiter);
}

bool is_file(const std::string& cpu_template) {
  return cpu_template.find_first_of("/.") != std::string::npos;
}

Json machine(const BootPlan& plan) {
  Json made = {{"vcpu_count", plan.spec.cpus},
               {"mem_size_mib", plan.spec.memory_bytes >> 20},
               {"track_dirty_pages", (plan.spec.flags & FCVM_VM_TRACK_DIRTY) != 0}};
  if (plan.options.smt) made["smt"] = true;
  if ((plan.spec.flags & FCVM_VM_HUGEPAGES) != 0) made["huge_pages"] = "2M";
  const std::string& cpu_template = plan.options.cpu_template;
  if (!cpu_template.empty() && !is_file(cpu_template)) made["cpu_template"] = cpu_template;
  return made;
}

Json boot_source(const BootPlan& plan) {
  Json made = {{"kernel_image_path", plan.kernel}, {"boot_args", plan.command_line}};
  if (plan.spec.initrd != nullptr) made["initrd_path"] = plan.spec.initrd;
  return made;
}

/// None is the root device: Firecracker would add its own root= to the command line.
Json drive(const fcvm_disk& disk, const Options& options) {
  Json made = {{"drive_id", id_of(disk.id)},
               {"is_root_device", false},
               {"path_on_host", disk.path},
               {"is_read_only", (disk.flags & FCVM_DISK_READ_ONLY) != 0}};
  made["cache_type"] = (disk.flags & FCVM_DISK_CACHE_UNSAFE) != 0 ? "Unsafe" : "Writeback";
  made["io_engine"] = options.io_engine == "async" ? "Async" : "Sync";
  limit(made, "rate_limiter", disk.limit);
  return made;
}

bool attached(const fcvm_nic& nic) { return nic.tap != nullptr && *nic.tap != '\0'; }

Json interface(const fcvm_nic& nic, const Version& version) {
  Json made = {{"iface_id", id_of(nic.id)}, {"host_dev_name", nic.tap}};
  if (nic.mac != nullptr) made["guest_mac"] = nic.mac;
  if (nic.mtu != 0 && version.has_mtu()) made["mtu"] = nic.mtu;
  limit(made, "rx_rate_limiter", nic.receive_limit);
  limit(made, "tx_rate_limiter", nic.transmit_limit);
  return made;
}

std::vector<fcvm_nic> attached_nics(const fcvm_vm_spec& spec) {
  auto nics = sized_elements(spec.nics, spec.nic_count);
  nics.erase(
      std::remove_if(nics.begin(), nics.end(), [](const auto& nic) { return !attached(nic); }),
      nics.end());
  return nics;
}

Result<void> add_disks(const BootPlan& plan, std::vector<Request>& requests) {
  for (const auto& disk : sized_elements(plan.spec.disks, plan.spec.disk_count)) {
    if (disk.id == nullptr || disk.path == nullptr) {
      return fail(EINVAL, "a disk of the specification has no id or no path");
    }
    requests.push_back(put("/drives/" + id_of(disk.id), drive(disk, plan.options)));
  }
  return {};
}

/// With MMDS on every interface: packets to 169.254.169.254 end in Firecracker.
Result<void> add_network(const BootPlan& plan, std::vector<Request>& requests) {
  Json ids = Json::array();
  for (const auto& nic : attached_nics(plan.spec)) {
    if (nic.id == nullptr) return fail(EINVAL, "a network interface has no id");
    ids.push_back(id_of(nic.id));
    requests.push_back(put("/network-interfaces/" + id_of(nic.id), interface(nic, plan.version)));
  }
  if (ids.empty()) return {};
  requests.push_back(put("/mmds/config", {{"version", "V2"},
                                          {"ipv4_address", "169.254.169.254"},
                                          {"network_interfaces", std::move(ids)}}));
  if (plan.spec.metadata_json == nullptr) return {};
  requests.push_back(FCVM_TRY(metadata_request(plan.spec.metadata_json)));
  return {};
}

void add_devices(const BootPlan& plan, std::vector<Request>& requests) {
  if (plan.spec.guest_socket != nullptr) {
    requests.push_back(
        put("/vsock", {{"guest_cid", kGuestCid}, {"uds_path", plan.spec.guest_socket}}));
  }
  if (has_balloon(plan.spec, plan.version)) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(plan.options.balloon_stats).count();
    const auto interval = std::clamp<std::int64_t>(seconds, 0, UINT16_MAX);
    requests.push_back(put("/balloon", {{"amount_mib", plan.spec.balloon_bytes >> 20},
                                        {"deflate_on_oom", plan.options.deflate_on_oom},
                                        {"stats_polling_interval_s", interval}}));
  }
  requests.push_back(put("/entropy", Json::object()));
}

std::optional<std::uint64_t> number_at(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || found == object.end() || !found->is_number_unsigned()) return {};
  return found->get<std::uint64_t>();
}

std::optional<std::uint64_t> mib_at(const Json& object, const char* name) {
  const auto mib = number_at(object, name);
  if (!mib || *mib >> 40 != 0) return {};
  return *mib << 20;
}

}  // namespace

bool has_balloon(const fcvm_vm_spec& spec, const Version& version) {
  return (spec.flags & FCVM_VM_HUGEPAGES) == 0 || version.has_huge_pages_with_balloon();
}

bool has_nic(const fcvm_vm_spec& spec) { return !attached_nics(spec).empty(); }

Result<std::vector<Request>> boot_requests(const BootPlan& plan) {
  std::vector<Request> requests = {put("/machine-config", machine(plan))};
  if (!plan.cpu_config.empty()) {
    const Json config = Json::parse(plan.cpu_config, nullptr, false);
    if (!config.is_object()) {
      return fail(EINVAL,
                  "the CPU template " + plan.options.cpu_template + " is not a JSON object");
    }
    requests.push_back(put("/cpu-config", config));
  }
  requests.push_back(put("/boot-source", boot_source(plan)));
  FCVM_TRY(add_disks(plan, requests));
  FCVM_TRY(add_network(plan, requests));
  add_devices(plan, requests);
  requests.push_back(put("/actions", {{"action_type", "InstanceStart"}}));
  return requests;
}

Result<Request> load_request(const fcvm_vm_spec& spec, const fcvm_vm_restore& from,
                             const Version& version, bool resume) {
  const auto memory = sized_copy(from.memory);
  const bool file = memory.type == FCVM_MEMORY_FROM_FILE;
  if (!file && memory.type != FCVM_MEMORY_FROM_UFFD) {
    return fail(ENOTSUP, "Firecracker takes memory from a file or from a page server only");
  }
  Json body = {
      {"snapshot_path", from.device_state},
      {"mem_backend", {{"backend_type", file ? "File" : "Uffd"}, {"backend_path", memory.path}}},
      {"resume_vm", resume}};
  const bool track = (spec.flags & FCVM_VM_TRACK_DIRTY) != 0;
  body[version.has_load_track_dirty() ? "track_dirty_pages" : "enable_diff_snapshots"] = track;
  if (version.has_network_overrides()) {
    for (const auto& nic : attached_nics(spec)) {
      body["network_overrides"].push_back(
          {{"iface_id", id_of(nic.id)}, {"host_dev_name", nic.tap}});
    }
  }
  if (version.has_vsock_override() && spec.guest_socket != nullptr) {
    body["vsock_override"] = {{"uds_path", spec.guest_socket}};
  }
  return put("/snapshot/load", body);
}

Request pause_request() { return patch("/vm", {{"state", "Paused"}}); }
Request resume_request() { return patch("/vm", {{"state", "Resumed"}}); }

Result<Request> snapshot_request(const fcvm_vm_snapshot& snapshot) {
  const bool full = snapshot.type == FCVM_SNAPSHOT_FULL;
  if (!full && snapshot.type != FCVM_SNAPSHOT_DIFF) {
    return fail(ENOTSUP, "Firecracker makes full and diff snapshots only");
  }
  return put("/snapshot/create", {{"snapshot_type", full ? "Full" : "Diff"},
                                  {"snapshot_path", snapshot.device_state},
                                  {"mem_file_path", snapshot.memory}});
}

Request reset_request() {
  // A device cannot be synchronized; and below a file there is no other.
  return put("/snapshot/create", {{"snapshot_type", "Full"},
                                  {"snapshot_path", "/dev/null"},
                                  {"mem_file_path", "/dev/null/memory"}});
}

Request balloon_request(std::uint64_t bytes) {
  return patch("/balloon", {{"amount_mib", bytes >> 20}});
}

Request balloon_statistics_request() { return {"GET", "/balloon/statistics", {}}; }
Request balloon_config_request() { return {"GET", "/balloon", {}}; }

Result<Request> metadata_request(const char* json) {
  const Json document = Json::parse(json == nullptr ? "" : json, nullptr, false);
  if (!document.is_object()) return fail(EINVAL, "the metadata document is not a JSON object");
  return put("/mmds", document);
}

std::string fault_in(const std::string& body) {
  const Json answer = Json::parse(body, nullptr, false);
  const auto found = answer.is_object() ? answer.find("fault_message") : answer.end();
  if (found == answer.end() || !found->is_string()) return body.substr(0, 400);
  return found->get<std::string>().substr(0, 700);
}

std::optional<fcvm_vm_balloon> balloon_in(const std::string& body) {
  const Json answer = Json::parse(body, nullptr, false);
  const auto actual = mib_at(answer, "actual_mib");
  if (!actual) return std::nullopt;
  auto figures = sized<fcvm_vm_balloon>();
  figures.actual_bytes = *actual;
  figures.target_bytes = mib_at(answer, "target_mib").value_or(*actual);
  figures.total_bytes = number_at(answer, "total_memory").value_or(0);
  figures.free_bytes = number_at(answer, "free_memory").value_or(0);
  figures.available_bytes = number_at(answer, "available_memory").value_or(0);
  figures.cache_bytes = number_at(answer, "disk_caches").value_or(0);
  figures.swapped_in_bytes = number_at(answer, "swap_in").value_or(0);
  figures.swapped_out_bytes = number_at(answer, "swap_out").value_or(0);
  figures.major_faults = number_at(answer, "major_faults").value_or(0);
  figures.minor_faults = number_at(answer, "minor_faults").value_or(0);
  // The guest leaves out what it has not reported yet.
  if (number_at(answer, "total_memory")) figures.flags = FCVM_BALLOON_GUEST_REPORTS;
  return figures;
}

std::optional<std::uint64_t> balloon_target_in(const std::string& body) {
  return mib_at(Json::parse(body, nullptr, false), "amount_mib");
}

}  // namespace fcvm::firecracker
