// fcvm snapshot ls, inspect: the snapshots there are, and all that one says of itself.
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/base/io/disk_usage.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/text/json_template.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/snapshot/store.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using nlohmann::ordered_json;
using snapshot::Manifest;
using snapshot::Snapshot;

Result<snapshot::Store> open_store(Invocation& invocation) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  return snapshot::Store(vms->paths().snapshots());
}

/// What it takes of the disk for itself alone: shared files are others' as well.
std::uint64_t own_bytes(const Snapshot& snapshot) {
  std::uint64_t sum = 0;
  for (const auto& file : snapshot.manifest.files) {
    std::error_code error;
    const auto path = snapshot.directory / file.name;
    if (std::filesystem::hard_link_count(path, error) == 1) sum += base::bytes_on_disk(path);
  }
  return sum;
}

/// What `ls` shows, and more.
ordered_json summary(const snapshot::Store& store, const Snapshot& snapshot) {
  const Manifest& manifest = snapshot.manifest;
  const auto plan = ordered_json::parse(manifest.plan);
  return {{"Id", manifest.id},
          {"Tag", manifest.tag},
          {"Kind", manifest.kind},
          {"Created", vm::rfc3339(manifest.created_ns)},
          {"Image", plan.value("image", ordered_json())},
          {"ImageDigest", manifest.image_digest},
          {"Vm", manifest.vm_name},
          {"VmId", manifest.vm_id},
          {"Parent", manifest.parent},
          {"Labels", manifest.labels},
          {"Memory", plan.value("memory_bytes", ordered_json())},
          {"Size", own_bytes(snapshot)},
          {"InUse", store.is_used(snapshot)}};
}

ordered_json everything(const snapshot::Store& store, const Snapshot& snapshot) {
  const Manifest& manifest = snapshot.manifest;
  ordered_json json = summary(store, snapshot);
  json["Uid"] = manifest.uid;
  json["Plugins"] = manifest.plugins;
  json["Vmm"] = {{"Version", manifest.vmm_version},
                 {"SnapshotFormat", manifest.snapshot_format},
                 {"Accelerator", manifest.accelerator}};
  json["Cpu"] = {{"Model", manifest.cpu.model}, {"Features", manifest.cpu.features}};
  json["Agent"] = manifest.agent;
  json["PausedMs"] = static_cast<double>(manifest.paused_ns) / 1e6;
  json["Directory"] = snapshot.directory.string();
  json["Files"] = ordered_json::array();
  for (const auto& file : manifest.files) {
    json["Files"].push_back({{"Name", file.name}, {"Size", file.size}, {"Digest", file.digest}});
  }
  json["Plan"] = ordered_json::parse(manifest.plan, nullptr, false);
  return json;
}

void print_table(const ordered_json& list) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : list) {
    const auto created = vm::parse_rfc3339(one["Created"].get<std::string>());
    const auto& image = one["Image"];
    rows.push_back({one["Tag"], one["Id"],
                    printable(image.is_string() ? image.get<std::string>() : ""),
                    printable(one["Vm"].get<std::string>()), ago(created.value_or(0), vm::now_ns()),
                    size_text(one["Size"].get<std::uint64_t>()), one["InUse"] ? "yes" : "no"});
  }
  fmt::print("{}",
             text_table({"TAG", "SNAPSHOT ID", "IMAGE", "VM", "CREATED", "SIZE", "IN USE"}, rows));
}

Result<int> list(Invocation& invocation) {
  const auto store = FCVM_TRY(open_store(invocation));
  ordered_json list = ordered_json::array();
  for (const auto& snapshot : FCVM_TRY(store.all())) {
    if (invocation.flag("quiet")) {
      fmt::print("{}\n", snapshot.manifest.id);
    } else {
      list.push_back(summary(store, snapshot));
    }
  }
  if (invocation.flag("quiet")) return 0;
  const auto format = invocation.flag("json") ? "json" : invocation.value("format");
  if (format.empty()) {
    print_table(list);
  } else {
    FCVM_TRY(print_objects(list, format, "fcvm snapshot ls --json"));
  }
  return 0;
}

Result<int> inspect(Invocation& invocation) {
  const auto store = FCVM_TRY(open_store(invocation));
  ordered_json list = ordered_json::array();
  for (const auto& word : invocation.positionals()) {
    list.push_back(everything(store, FCVM_TRY(store.find(word))));
  }
  FCVM_TRY(print_objects(list, invocation.value("format"), "fcvm snapshot inspect NAME"));
  return 0;
}

}  // namespace

Verb snapshot_ls_verb() {
  using config::Type;
  return {.name = "snapshot ls",
          .aliases = {"snapshots ls", "snapshot list"},
          .arguments = "[--json | --format T]",
          .summary = "List snapshots",
          .details =
              "SIZE is what a snapshot takes of the disk by itself: the guest's kernel and\n"
              "root, and most of its image, belong to others as well.\n",
          .options =
              {{.name = "json", .type = Type::kBoolean, .help = "print JSON"},
               {.name = "format", .help = "print by this Go template, of the keys of --json"},
               {.name = "quiet", .type = Type::kBoolean, .help = "print ids only", .letter = 'q'}},
          .run = list};
}

Verb snapshot_inspect_verb() {
  return {.name = "snapshot inspect",
          .arguments = "[--format T] SNAPSHOT...",
          .summary = "Show all that is known of snapshots, as JSON",
          .options = {{.name = "format", .help = "print by this Go template"}},
          .positionals = {.min = 1, .max = kAnyNumber},
          .run = inspect};
}

}  // namespace fcvm::cli
