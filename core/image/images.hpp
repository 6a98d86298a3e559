// Images: the images that are stored on this host, whichever plugin stores them. Owns an instance
// of each image plugin.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/services.hpp"
#include "core/vm/model/paths.hpp"
#include "core/vm/model/record.hpp"
#include "core/vm/supervisor/image_source.hpp"

namespace fcvm::image {

struct Image {
  std::string plugin;                // its id
  std::string digest;                // the first of those that it has
  std::vector<std::string> digests;  // each names it
  std::string id;                    // 64 hexadecimal digits: the SHA-256 of `config`
  std::vector<std::string> names;
  std::uint64_t stored_bytes = 0;  // as the host's file system counts
  std::int64_t used_ns = 0;        // when a VM last did, as far as it is known
  std::string config;              // JSON, byte for byte
  std::vector<std::string> vms;    // names of those that have it
};

struct PullRequest {
  std::string plugin;
  std::string reference;
  std::uint32_t policy = 0;  // FCVM_PULL_...
  std::string platform;      // empty: the host's
};

class Images {
 public:
  /// Borrows all of it.
  Images(const plugin::Registry& registry, const config::Config& config, vm::Paths paths,
         plugin::Services services)
      : registry_(registry), config_(config), paths_(std::move(paths)), services_(services) {}

  /// By name. `vms` are those of whom an image says that they have it.
  Result<std::vector<Image>> all(const std::vector<vm::Record>& vms);
  /// Fetches and prepares it as `fcvm run` would.
  Result<Image> pull(const PullRequest& request);
  /// From any thread: ends a pull that is under way.
  void cancel();
  /// Its disks, which stay as long as this does. EINVAL for one without a name.
  Result<vm::ImageSource::Image> hold(const Image& image);
  /// One more name, which no other image has from then on.
  Result<void> name(const Image& image, const std::string& name);
  /// Takes a name away; the image stays.
  Result<void> unname(const Image& image, const std::string& name);
  /// What nobody uses any more of these: whether each is gone.
  Result<std::vector<bool>> remove(const std::vector<Image>& images);
  /// Removes what preparations that were killed have left.
  Result<void> tidy();

 private:
  /// The others have no images, and are not loaded.
  [[nodiscard]] std::vector<std::string> plugins_with_cache() const;
  Result<vm::ImageSource*> source(const std::string& plugin);
  Result<void> add_images_of(const std::string& plugin, const std::vector<vm::Record>& vms,
                             std::vector<Image>& images);

  const plugin::Registry& registry_;
  const config::Config& config_;
  const vm::Paths paths_;
  const plugin::Services services_;
  std::map<std::string, std::unique_ptr<vm::ImageSource>> sources_;
  std::mutex mutex_;
  vm::ImageSource* pulling_ = nullptr;
};

/// The one that `word` means among these: a name as podman would take it, a digest, an id, or the
/// beginning of an id. ENOENT for none, EINVAL for several.
[[nodiscard]] Result<const Image*> find_image(const std::vector<Image>& images,
                                              std::string_view word);

/// Whether `name` is one that podman would take `word` for.
[[nodiscard]] bool is_meant(std::string_view word, const std::string& name);
/// Whether `word`, which has no tag, is the name's repository, or the end of it.
[[nodiscard]] bool is_of_repository(std::string_view word, const std::string& name);

/// Which of the image's names `word` means; empty where it is an id, or none of them.
[[nodiscard]] std::string name_meant(const Image& image, std::string_view word);

/// "docker.io/library/alpine:3.20" is "docker.io/library/alpine" and "3.20".
struct NameParts {
  std::string repository;
  std::string tag;  // "<none>" where there is none
};
[[nodiscard]] NameParts split_name(const std::string& name);

}  // namespace fcvm::image
