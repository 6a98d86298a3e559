// fcvm image tag, untag: names of images.
#include <fmt/core.h>

#include "core/cli/image_catalog.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

Result<int> tag(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  const auto& words = invocation.positionals();
  const auto images = FCVM_TRY(catalog->all());
  const image::Image* image = FCVM_TRY(image::find_image(images, words.front()));
  for (std::size_t i = 1; i < words.size(); ++i) {
    FCVM_TRY(catalog->images().name(*image, words[i]));
  }
  return 0;
}

Result<int> untag(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  const auto& words = invocation.positionals();
  const auto images = FCVM_TRY(catalog->all());
  const image::Image* image = FCVM_TRY(image::find_image(images, words.front()));
  std::vector<std::string> names(words.begin() + 1, words.end());
  if (names.empty()) names = image->names;
  for (const auto& name : names) {
    const std::string meant = image::name_meant(*image, name);
    if (meant.empty()) {
      return fail(ENOENT, fmt::format("{} is no name of image {}", name, short_id(image->id)),
                  fmt::format("fcvm image inspect {} shows its names", short_id(image->id)));
    }
    FCVM_TRY(catalog->images().unname(*image, meant));
  }
  return 0;
}

}  // namespace

Verb image_tag_verb() {
  return {.name = "image tag",
          .aliases = {"tag", "podman tag"},
          .arguments = "IMAGE NAME...",
          .summary = "Give an image more names",
          .details = "A name without a registry is of localhost, as with podman.\n",
          .positionals = {.min = 2, .max = kAnyNumber, .names = Names::kStoredImages},
          .run = tag};
}

Verb image_untag_verb() {
  return {.name = "image untag",
          .aliases = {"untag", "podman untag"},
          .arguments = "IMAGE [NAME...]",
          .summary = "Take names away from an image, or all of them",
          .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kStoredImages},
          .run = untag};
}

}  // namespace fcvm::cli
