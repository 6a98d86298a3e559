// fcvm image ls: the images that are stored here, what they take of the disk, and who uses them.
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/cli/image_catalog.hpp"
#include "core/cli/text/go_template.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/image_json.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/nearest.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using image::Image;

std::string used_by(const Image& image) {
  return printable(fmt::format("{}", fmt::join(image.vms, ", ")));
}

/// One name of an image.
struct Row {
  const Image& image;
  image::NameParts name;
  bool whole;  // whole ids
};

std::string created_since(const Row& row) {
  const auto created = created_ns(row.image);
  return created ? ago(*created, vm::now_ns()) : "";
}

/// As --image-mode names it: that of image.overlay is overlay.
std::string mode_of(const Row& row) {
  const std::string& plugin = row.image.plugin;
  return printable(plugin.substr(plugin.find('.') + 1));
}

/// By podman's names.
struct Field {
  const char* name;
  const char* heading;
  std::string (*text)(const Row&);
};

constexpr Field kFields[] = {
    {"Repository", "REPOSITORY", [](const Row& row) { return printable(row.name.repository); }},
    {"Tag", "TAG", [](const Row& row) { return printable(row.name.tag); }},
    {"ID", "IMAGE ID",
     [](const Row& row) { return row.whole ? row.image.id : short_id(row.image.id); }},
    {"Mode", "MODE", mode_of},
    {"Platform", "PLATFORM", [](const Row& row) { return printable(platform_of(row.image)); }},
    {"CreatedSince", "CREATED", created_since},
    {"Size", "SIZE", [](const Row& row) { return size_text(row.image.stored_bytes); }},
    {"UsedBy", "USED BY", [](const Row& row) { return used_by(row.image); }},
    {"Id", "IMAGE ID", [](const Row& row) { return row.image.id; }},
    {"Digest", "DIGEST", [](const Row& row) { return row.image.digest; }},
    {"Created", "CREATED", created_since},
    {"CreatedAt", "CREATED AT",
     [](const Row& row) { return vm::rfc3339(created_ns(row.image).value_or(0)); }},
    {"Containers", "CONTAINERS",
     [](const Row& row) { return std::to_string(row.image.vms.size()); }},
};
constexpr std::size_t kColumns = 8;  // of a table without --format

Result<const Field*> find_field(const std::string& name) {
  std::vector<std::string> names;
  for (const Field& field : kFields) {
    if (name == field.name) return &field;
    names.emplace_back(field.name);
  }
  return fail(EINVAL, fmt::format("--format: there is no field {{{{.{}}}}}{}", name,
                                  config::did_you_mean(name, names)));
}

std::vector<Row> rows_of(const std::vector<Image>& images, bool whole) {
  std::vector<Row> rows;
  for (const auto& image : images) {
    for (const auto& name : image.names) rows.push_back({image, image::split_name(name), whole});
    if (image.names.empty()) rows.push_back({image, {"<none>", "<none>"}, whole});
  }
  return rows;
}

void print_table(const std::vector<Row>& rows, bool has_heading) {
  std::vector<std::vector<std::string>> lines;
  for (const Row& row : rows) {
    auto& line = lines.emplace_back();
    for (std::size_t i = 0; i < kColumns; ++i) line.push_back(kFields[i].text(row));
  }
  std::vector<std::string> heading;
  for (std::size_t i = 0; i < kColumns; ++i) heading.emplace_back(kFields[i].heading);
  if (!has_heading && lines.empty()) return;
  if (!has_heading) {
    heading = lines.front();
    lines.erase(lines.begin());
  }
  fmt::print("{}", text_table(heading, lines));
}

Result<void> print_formatted(const std::vector<Row>& rows, const std::string& format,
                             bool has_heading) {
  const auto parsed = FCVM_TRY(GoTemplate::parse(format));
  std::vector<std::string> lines;
  const auto heading = [](const std::string& field) -> Result<nlohmann::ordered_json> {
    return nlohmann::ordered_json(FCVM_TRY(find_field(field))->heading);
  };
  auto heading_line = FCVM_TRY(parsed.render(heading));  // finds wrong fields in any case
  if (parsed.is_table() && has_heading) lines.push_back(std::move(heading_line));
  for (const Row& row : rows) {
    lines.push_back(
        FCVM_TRY(parsed.render([&](const std::string& field) -> Result<nlohmann::ordered_json> {
          return nlohmann::ordered_json(FCVM_TRY(find_field(field))->text(row));
        })));
  }
  if (parsed.is_table()) {
    fmt::print("{}", align_tabs(lines));
  } else {
    for (const auto& line : lines) fmt::print("{}\n", line);
  }
  return {};
}

/// As podman does: a repository means all its tags, and what is not there is no mistake. A name
/// shows no other name of its image.
std::vector<Image> select(const std::vector<Image>& images, const std::string& word) {
  std::vector<Image> found;
  for (const auto& image : images) {
    Image with_names = image;
    std::erase_if(with_names.names, [&](const std::string& name) {
      return !image::is_meant(word, name) && !image::is_of_repository(word, name);
    });
    if (!with_names.names.empty()) found.push_back(std::move(with_names));
  }
  if (!found.empty()) return found;
  if (const auto by_id = image::find_image(images, word)) found = {**by_id};
  return found;
}

Result<int> run(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  std::vector<Image> images = FCVM_TRY(catalog->all());
  if (!invocation.positionals().empty()) {
    images = select(images, invocation.positionals().front());
  }
  const bool whole = invocation.flag("no-trunc");
  const auto format = invocation.value("format");
  const bool has_heading = !invocation.flag("noheading");
  if (invocation.flag("json") || format == "json") {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& image : images) list.push_back(image_summary(image));
    fmt::print("{}\n", json_text(list));
  } else if (invocation.flag("quiet")) {
    std::set<std::string> ids;  // one that two plugins keep is one image
    for (const auto& image : images) {
      if (ids.insert(image.id).second) fmt::print("{}\n", whole ? image.id : short_id(image.id));
    }
  } else if (format.empty()) {
    print_table(rows_of(images, whole), has_heading);
  } else {
    FCVM_TRY(print_formatted(rows_of(images, whole), format, has_heading));
  }
  return 0;
}

}  // namespace

Verb image_ls_verb() {
  using config::Type;
  return {
      .name = "image ls",
      .aliases = {"images", "image list", "podman images"},
      .arguments = "[--format T | --json] [IMAGE]",
      .summary = "List the images that are stored on this host",
      .details =
          "SIZE is what an image takes of the disk, once for all VMs. USED BY names the VMs\n"
          "that have it, also those that have exited. MODE is the --image-mode for which it\n"
          "was made ready. IMAGE is a repository, a name with its tag, or an id; for what is\n"
          "not there nothing is listed.\n"
          "\n"
          "--format takes a Go template of the fields Repository Tag ID Id Digest Created\n"
          "CreatedSince CreatedAt Size Mode Platform Containers UsedBy; `table` in front makes\n"
          "columns.\n"
          "\n"
          "Examples:\n"
          "  fcvm images\n"
          "  fcvm images --format '{{.Repository}}:{{.Tag}}'\n",
      .options =
          {{.name = "json", .type = Type::kBoolean, .help = "print JSON"},
           {.name = "quiet", .type = Type::kBoolean, .help = "print ids only", .letter = 'q'},
           {.name = "format", .help = "print by this Go template"},
           {.name = "noheading",
            .type = Type::kBoolean,
            .help = "no line with the columns' names",
            .letter = 'n'},
           {.name = "all",
            .type = Type::kBoolean,
            .help = "as podman's: all are shown",
            .letter = 'a'},
           {.name = "no-trunc", .type = Type::kBoolean, .help = "do not cut ids"}},
      .positionals = {.max = 1, .names = Names::kStoredImages},
      .run = run};
}

}  // namespace fcvm::cli
