// fcvm image ls: the images that are stored here, what they take of the disk, and who uses them.
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/cli/image_catalog.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/image_json.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using image::Image;

std::string used_by(const Image& image) {
  return printable(fmt::format("{}", fmt::join(image.vms, ", ")));
}

void print_table(const std::vector<Image>& images, bool whole) {
  const auto now = vm::now_ns();
  std::vector<std::vector<std::string>> rows;
  for (const auto& image : images) {
    auto names = image.names;
    if (names.empty()) names.emplace_back("<none>");
    const auto created = created_ns(image);
    for (const auto& name : names) {
      const auto parts = image::split_name(name);
      rows.push_back({printable(parts.repository), printable(parts.tag),
                      whole ? image.id : short_id(image.id), created ? ago(*created, now) : "",
                      size_text(image.stored_bytes), used_by(image)});
    }
  }
  fmt::print("{}",
             text_table({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "USED BY"}, rows));
}

Result<int> run(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  std::vector<Image> images = FCVM_TRY(catalog->all());
  if (!invocation.positionals().empty()) {
    const Image* wanted = FCVM_TRY(image::find_image(images, invocation.positionals().front()));
    images = {*wanted};
  }
  const bool whole = invocation.flag("no-trunc");
  if (invocation.flag("json")) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& image : images) list.push_back(image_summary(image));
    fmt::print("{}\n", to_text(list));
  } else if (invocation.flag("quiet")) {
    std::set<std::string> ids;  // one that two plugins keep is one image
    for (const auto& image : images) {
      if (ids.insert(image.id).second) fmt::print("{}\n", whole ? image.id : short_id(image.id));
    }
  } else {
    print_table(images, whole);
  }
  return 0;
}

}  // namespace

Verb image_ls_verb() {
  using config::Type;
  return {.name = "image ls",
          .aliases = {"images", "image list"},
          .arguments = "[--json] [IMAGE]",
          .summary = "List the images that are stored on this host",
          .details =
              "SIZE is what an image takes of the disk, once for all VMs. USED BY names the VMs\n"
              "that have it, also those that have exited.\n"
              "\n"
              "Example:\n"
              "  fcvm images\n",
          .options =
              {{.name = "json", .type = Type::kBoolean, .help = "print JSON"},
               {.name = "quiet", .type = Type::kBoolean, .help = "print ids only", .letter = 'q'},
               {.name = "no-trunc", .type = Type::kBoolean, .help = "do not cut ids"}},
          .positionals = {.max = 1, .names = Names::kStoredImages},
          .run = run};
}

}  // namespace fcvm::cli
