// See layers.hpp.
#include "core/config/load/layers.hpp"

#include <algorithm>
#include <system_error>

namespace fcvm::config {

namespace {

namespace fs = std::filesystem;

bool is_drop_in(const fs::path& path) {
  return path.extension() == ".toml" && !path.filename().string().starts_with('.');
}

void add_drop_ins(Layer layer, const fs::path& folder, std::vector<LayerFile>& files,
                  Problems& problems) {
  std::error_code code;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end;
       entry.increment(code)) {
    if (is_drop_in(entry->path())) found.push_back(entry->path());
  }
  if (code && code != std::errc::no_such_file_or_directory) {
    problems.add({layer, folder.string(), 0, 0, {}}, "cannot be listed: " + code.message());
  }
  std::sort(found.begin(), found.end());
  for (fs::path& path : found) files.push_back({layer, std::move(path), Absent::kFine});
}

void add_folder(Layer file_layer, Layer drop_in_layer, const fs::path& folder,
                std::vector<LayerFile>& files, Problems& problems) {
  files.push_back({file_layer, folder / "fcvm.toml", Absent::kFine});
  add_drop_ins(drop_in_layer, folder / "conf.d", files, problems);
}

/// Empty when there is no home. A relative XDG_CONFIG_HOME is to be ignored, its specification
/// says.
fs::path user_folder(const Environment& environment) {
  const fs::path xdg = environment.get("XDG_CONFIG_HOME").value_or("");
  if (xdg.is_absolute()) return xdg / "fcvm";
  const auto home = environment.get("HOME");
  return home ? fs::path(*home) / ".config" / "fcvm" : fs::path();
}

}  // namespace

std::vector<LayerFile> layer_files(const LoadRequest& request, Problems& problems) {
  std::vector<LayerFile> files;
  const fs::path root = request.environment.get("FCVM_CONFIG_ROOT").value_or("");
  const auto below_root = [&root](const fs::path& path) {
    return root.empty() ? path : root / path.relative_path();
  };
  files.push_back({Layer::kShare, below_root(request.share_file), Absent::kFine});
  add_folder(Layer::kSystem, Layer::kSystemDropIn, below_root("/etc/fcvm"), files, problems);
  if (const fs::path user = user_folder(request.environment); !user.empty()) {
    add_folder(Layer::kUser, Layer::kUserDropIn, user, files, problems);
  }
  if (request.config_file) files.push_back({Layer::kFile, *request.config_file, Absent::kProblem});
  return files;
}

}  // namespace fcvm::config
