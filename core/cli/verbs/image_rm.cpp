// fcvm image rm, prune: frees what images take of the disk.
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/cli/image_catalog.hpp"
#include "core/cli/session/confirm.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"

namespace fcvm::cli {
namespace {

using image::Image;

// podman's codes of `rmi`.
constexpr int kMissing = 1;
constexpr int kInUse = 2;

/// As podman's: a name of several goes alone, by force, too; the last one takes the image along. An
/// id means the image with all its names, so that takes force.
Result<void> remove_one(ImageCatalog& catalog, const std::string& word, bool force) {
  const auto images = FCVM_TRY(catalog.all());
  const Image* image = FCVM_TRY(image::find_image(images, word));
  const std::string name = image::name_meant(*image, word);
  if (name.empty() && image->names.size() > 1 && !force) {
    return fail(EBUSY,
                fmt::format("image {} has several names: {}", word, fmt::join(image->names, ", ")),
                fmt::format("fcvm rmi --force {}", word));
  }
  if (!name.empty() && image->names.size() > 1) {
    FCVM_TRY(catalog.images().unname(*image, name));
    fmt::print("Untagged: {}\n", printable(name));
    return {};
  }
  std::vector<Image> all;  // one for each plugin that keeps it
  for (const auto& one : images) {
    if (one.id != image->id) continue;
    if (!one.vms.empty()) {
      return fail(EBUSY, fmt::format("{} is used by {}", word, fmt::join(one.vms, ", ")),
                  fmt::format("fcvm rm {}", fmt::join(one.vms, " ")));
    }
    all.push_back(one);
  }
  for (const bool gone : FCVM_TRY(catalog.images().remove(all))) {
    if (!gone) return fail(EBUSY, word + " is used by another fcvm", "try again later");
  }
  for (const auto& one : image->names) fmt::print("Untagged: {}\n", printable(one));
  fmt::print("Deleted: {}\n", image->id);
  return {};
}

int exit_code(const Error& error) {
  if (error.code() == ENOENT) return kMissing;
  return error.code() == EBUSY ? kInUse : kExitFailure;
}

Result<int> remove(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  std::vector<std::string> words = invocation.positionals();
  if (invocation.flag("all")) {
    std::set<std::string> ids;
    for (const auto& image : FCVM_TRY(catalog->all())) ids.insert(image.id);
    words.insert(words.end(), ids.begin(), ids.end());
  }
  if (words.empty() && !invocation.flag("all")) {
    return fail(EINVAL, "no image is named", "fcvm images lists those there are");
  }
  int code = 0;
  for (const auto& word : words) {
    const auto removed =
        remove_one(*catalog, word, invocation.flag("force") || invocation.flag("all"));
    if (removed) continue;
    const bool passes = invocation.flag("ignore") && removed.error().code() == ENOENT;
    if (passes) continue;
    log::report(removed.error());
    if (code == 0) code = exit_code(removed.error());
  }
  return code;
}

Result<int> prune(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  const bool all = invocation.flag("all");
  const auto* const what = all ? "This removes all images that no VM has."
                               : "This removes all images that have no name.";
  if (!FCVM_TRY(confirm(invocation, what))) return 0;
  std::uint64_t freed = 0;
  for (const auto& image : FCVM_TRY(catalog->prune(all))) {
    fmt::print("{}\n", image.id);
    freed += image.stored_bytes;
  }
  fmt::print("Total reclaimed space: {}\n", size_text(freed));
  return 0;
}

}  // namespace

Verb image_rm_verb() {
  using config::Type;
  return {
      .name = "image rm",
      .aliases = {"rmi", "image remove", "podman rmi"},
      .arguments = "[-f] [-i] IMAGE... | --all",
      .summary = "Remove names of images, and images that have no other",
      .details =
          "An image that has another name only loses this one. An image that a VM has is not\n"
          "removed, not even by force. The exit code is 1 for an image that is not there, 2 for\n"
          "one that is used, as podman's.\n",
      .options =
          {{.name = "force",
            .type = Type::kBoolean,
            .help = "by its id with all its names",
            .letter = 'f'},
           {.name = "all", .type = Type::kBoolean, .help = "all that no VM has", .letter = 'a'},
           {.name = "ignore",
            .type = Type::kBoolean,
            .help = "pass over what is not there",
            .letter = 'i'}},
      .positionals = {.max = kAnyNumber, .names = Names::kStoredImages},
      .run = remove};
}

Verb image_prune_verb() {
  using config::Type;
  return {.name = "image prune",
          .arguments = "[--all]",
          .summary = "Remove images that have no name, or that no VM has",
          .options = {{.name = "all",
                       .type = Type::kBoolean,
                       .help = "all that no VM has, with names, too",
                       .letter = 'a'},
                      unasked_option()},
          .run = prune};
}

}  // namespace fcvm::cli
