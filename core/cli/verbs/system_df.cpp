// fcvm system df: what images, VMs and guests take of the disk, and what of it could be freed.
#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/base/io/disk_usage.hpp"
#include "core/cli/image_catalog.hpp"
#include "core/cli/text/json_template.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/image_json.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

using nlohmann::ordered_json;

/// One kind of what is there.
struct Usage {
  const char* type;
  std::size_t total = 0;
  std::size_t active = 0;
  std::uint64_t bytes = 0;
  std::uint64_t reclaimable = 0;

  void add(std::uint64_t size, bool is_active) {
    ++total;
    active += is_active ? 1 : 0;
    bytes += size;
    reclaimable += is_active ? 0 : size;
  }
};

struct Part {
  std::string name;
  std::uint64_t bytes = 0;
  bool is_active = false;
};

struct Disk {
  std::vector<Part> images, vms;
  Usage guests{.type = "Guests"};
};

/// With the empty disks that VMs begin with. Guests share files, so that none has a size of its
/// own, and nothing frees them yet.
Usage look_at_guests(const vm::Paths& paths) {
  const auto directory = paths.guests();
  Usage usage{.type = "Guests",
              .bytes = base::bytes_on_disk(directory) + base::bytes_on_disk(paths.templates())};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.is_symlink(error) || !exists(entry.path() / "guest.json", error)) continue;
    ++usage.total;
    ++usage.active;
  }
  return usage;
}

Result<Disk> look(Invocation& invocation) {
  Disk disk;
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  for (const auto& image : FCVM_TRY(catalog->all())) {
    disk.images.push_back({image.names.empty() ? short_id(image.id) : image.names.front(),
                           image.stored_bytes, !image.vms.empty()});
  }
  const vm::Store* store = FCVM_TRY(invocation.store());
  for (const auto& record : FCVM_TRY(invocation.records())) {
    disk.vms.push_back({record.name, base::bytes_on_disk(store->paths().vm(record.id)),
                        record.effective_phase() != vm::Phase::kExited});
  }
  disk.guests = look_at_guests(store->paths());
  return disk;
}

Usage sum(const char* type, const std::vector<Part>& parts) {
  Usage usage{.type = type};
  for (const auto& part : parts) usage.add(part.bytes, part.is_active);
  return usage;
}

std::string reclaimable_text(const Usage& usage) {
  const auto percent = usage.bytes == 0 ? 0 : usage.reclaimable * 100 / usage.bytes;
  return fmt::format("{} ({}%)", size_text(usage.reclaimable), percent);
}

ordered_json json_of(const std::vector<Usage>& usages) {
  ordered_json list = ordered_json::array();
  for (const auto& usage : usages) {
    list.push_back({{"Type", usage.type},
                    {"Total", usage.total},
                    {"Active", usage.active},
                    {"RawSize", usage.bytes},
                    {"RawReclaimable", usage.reclaimable},
                    {"Size", size_text(usage.bytes)},
                    {"Reclaimable", reclaimable_text(usage)}});
  }
  return list;
}

void print_table(const std::vector<Usage>& usages) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& usage : usages) {
    rows.push_back({usage.type, std::to_string(usage.total), std::to_string(usage.active),
                    size_text(usage.bytes), reclaimable_text(usage)});
  }
  fmt::print("{}", text_table({"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"}, rows));
}

void print_parts(const char* heading, std::vector<Part> parts) {
  std::ranges::sort(parts, std::greater<>(), &Part::bytes);
  std::vector<std::vector<std::string>> rows;
  for (const auto& part : parts) {
    rows.push_back({printable(part.name), size_text(part.bytes), part.is_active ? "yes" : "no"});
  }
  fmt::print("\n{}", text_table({heading, "SIZE", "IN USE"}, rows));
}

Result<int> run(Invocation& invocation) {
  const Disk disk = FCVM_TRY(look(invocation));
  const std::vector<Usage> usages = {sum("Images", disk.images), sum("Containers", disk.vms),
                                     disk.guests};
  const std::string format = invocation.flag("json") ? "json" : invocation.value("format");
  if (!format.empty()) {
    FCVM_TRY(print_objects(json_of(usages), format, "fcvm system df --json shows all fields"));
    return 0;
  }
  print_table(usages);
  if (invocation.flag("verbose")) {
    print_parts("IMAGE", disk.images);
    print_parts("CONTAINER", disk.vms);
  }
  return 0;
}

}  // namespace

Verb system_df_verb() {
  using config::Type;
  return {
      .name = "system df",
      .arguments = "[-v] [--json | --format TEMPLATE]",
      .summary = "Show what images, VMs and guests take of the disk",
      .details =
          "Counts the blocks that files have, so that holes take nothing. RECLAIMABLE is what\n"
          "images that no VM has take, which `fcvm image prune --all` frees, and VMs that have\n"
          "exited, which `fcvm rm --all` removes. Guests are what VMs boot.\n",
      .options = {{.name = "verbose",
                   .type = Type::kBoolean,
                   .help = "show each image and each VM",
                   .letter = 'v'},
                  {.name = "json", .type = Type::kBoolean, .help = "print JSON"},
                  {.name = "format", .help = "print by this Go template, a line for each type"}},
      .bears_mistakes = true,
      .run = run};
}

}  // namespace fcvm::cli
