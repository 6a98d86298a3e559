// Everything a configuration is made from, as it was read.
#pragma once

#include <vector>

#include "core/config/document.hpp"
#include "core/config/environment.hpp"
#include "core/config/load.hpp"

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

/// The names and aliases of a table's options.
[[nodiscard]] std::vector<std::string> option_names(const OptionTable& table);

/// "; it belongs in [run]", when the core has such an option in another section.
[[nodiscard]] std::string belongs_elsewhere(std::string_view key);

}  // namespace fcvm::config
