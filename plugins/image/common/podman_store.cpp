// See podman_store.hpp.
#include "plugins/image/common/podman_store.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "plugins/image/common/documents.hpp"
#include "plugins/image/common/environment.hpp"

namespace fcvm::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestList = 64 << 20;

/// As containers/storage looks for it.
std::vector<fs::path> storage_files() {
  if (const auto named = variable("CONTAINERS_STORAGE_CONF"); !named.empty()) return {named};
  if (::geteuid() == 0)
    return {"/etc/containers/storage.conf", "/usr/share/containers/storage.conf"};
  return {user_settings() / "storage.conf"};
}

/// Of a TOML file, the one line that matters: graphroot = "/path".
std::string graph_root_in(const fs::path& file) {
  const auto text = base::read_file(file, 1 << 20);
  std::istringstream lines(text ? *text : "");
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(" \t"));
    if (!line.starts_with("graphroot")) continue;
    const auto begin = line.find('"');
    const auto end = line.find('"', begin + 1);
    if (begin != std::string::npos && end != std::string::npos) {
      return line.substr(begin + 1, end - begin - 1);
    }
  }
  return {};
}

std::string graph_root() {
  for (const auto& file : storage_files()) {
    if (auto root = graph_root_in(file); !root.empty()) return root;
  }
  if (::geteuid() == 0) return "/var/lib/containers/storage";
  const std::string data = variable("XDG_DATA_HOME");
  return (data.empty() ? variable("HOME") + "/.local/share" : data) + "/containers/storage";
}

/// Of every storage driver: "overlay-images/images.json".
std::vector<StoredImage> stored_images() {
  std::vector<StoredImage> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(graph_root(), error)) {
    if (!entry.path().filename().string().ends_with("-images")) continue;
    const auto text = base::read_file(entry.path() / "images.json", kLargestList);
    if (!text) continue;
    auto images = parse_stored_images(*text);
    if (!images) continue;  // podman's to complain of
    all.insert(all.end(), images->begin(), images->end());
  }
  return all;
}

}  // namespace

std::optional<PodmanImage> find_in_podman(const Reference& reference) {
  if (reference.local_names.empty()) return std::nullopt;
  const auto images = stored_images();
  for (const auto& name : reference.local_names) {
    const auto found = std::ranges::find_if(images, [&](const StoredImage& image) {
      return std::ranges::find(image.names, name) != image.names.end();
    });
    if (found == images.end()) continue;
    PodmanImage image;
    image.digest = is_digest(found->digest) ? found->digest : "sha256:" + found->id;
    if (!is_digest(image.digest)) continue;
    image.reference.transport = Transport::kContainersStorage;
    image.reference.name = name;
    image.reference.tag = reference.tag.empty() ? "latest" : reference.tag;
    // With its id, since the name may move on meanwhile.
    image.reference.selector = name + "@" + found->id;
    return image;
  }
  return std::nullopt;
}

Reference source_of(const Reference& reference, const std::string& digest) {
  auto local = find_in_podman(reference);
  if (local && local->digest == digest) return std::move(local->reference);
  return reference;
}

}  // namespace fcvm::archive
