// Everything a configuration is made from, as it was read, and which files that is.
#pragma once

#include <vector>

#include "core/config/environment.hpp"
#include "core/config/load.hpp"
#include "core/config/load/toml.hpp"

namespace fcvm::config {

struct Sources {
  std::vector<Document> documents;  // lowest layer first
  Environment environment;
  std::vector<Assignment> built_in;
  std::vector<Assignment> command_line;
};

/// A file of a layer, there or not.
struct LayerFile {
  Layer layer = Layer::kFile;
  std::filesystem::path path{};
  Absent absent = Absent::kFine;
};

/// In order, the drop-ins that there are included.
[[nodiscard]] std::vector<LayerFile> layer_files(const LoadRequest& request, Problems& problems);

}  // namespace fcvm::config
