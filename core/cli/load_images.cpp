// See load_images.hpp.
#include "core/cli/load_images.hpp"

#include <algorithm>

#include <fcvm/image.h>

#include "core/cli/archive_contents.hpp"

namespace fcvm::cli {
namespace {

Result<std::vector<std::string>> names_of(ImageCatalog& catalog, const image::Image& loaded) {
  for (const auto& image : FCVM_TRY(catalog.all())) {
    if (image.id == loaded.id && image.plugin == loaded.plugin) return image.names;
  }
  return std::vector<std::string>();
}

/// Gives it the names that it has in the archive; those that it then has of these.
Result<std::vector<std::string>> name_loaded(ImageCatalog& catalog, const image::Image& loaded,
                                             const ArchivedImage& archived) {
  const auto kept = FCVM_TRY(names_of(catalog, loaded));
  std::vector<std::string> names;
  for (const auto& name : archived.names) {
    const bool has_it = std::ranges::find(kept, name) != kept.end();
    if (has_it || catalog.images().name(loaded, name)) names.push_back(name);
  }
  // A file is no name to keep where it was only ours.
  const bool has_files = std::ranges::find(kept, archived.reference) != kept.end();
  if (has_files) FCVM_TRY(catalog.images().unname(loaded, archived.reference));
  if (names.empty() && !has_files) names = kept;  // of an archive that only the plugin can read
  if (names.empty()) names = {"sha256:" + loaded.id};
  return names;
}

}  // namespace

Result<std::vector<LoadedImage>> load_images(ImageCatalog& catalog,
                                             const std::filesystem::path& archive) {
  std::vector<LoadedImage> loaded;
  for (const auto& archived : FCVM_TRY(images_in(archive.string()))) {
    const auto image = FCVM_TRY(catalog.pull(archived.reference, FCVM_PULL_MISSING));
    loaded.push_back({image.id, FCVM_TRY(name_loaded(catalog, image, archived))});
  }
  return loaded;
}

}  // namespace fcvm::cli
