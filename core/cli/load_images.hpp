// Taking the images of an archive, with the names that they have there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/cli/image_catalog.hpp"

namespace fcvm::cli {

struct LoadedImage {
  std::string id;
  std::vector<std::string> names;  // at least one: its id, where it has none else
};

/// The archive's path has no colon.
[[nodiscard]] Result<std::vector<LoadedImage>> load_images(ImageCatalog& catalog,
                                                           const std::filesystem::path& archive);

}  // namespace fcvm::cli
