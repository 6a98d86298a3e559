// ImageSource: an image plugin's instance as C++ calls, over one cache directory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/config/config.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/registry.hpp"
#include "core/vm/model/paths.hpp"

namespace fcvm::vm {

class ImageSource {
 public:
  /// The plugin with its cache below `paths`.
  [[nodiscard]] static Result<std::unique_ptr<ImageSource>> open(const plugin::Registry& registry,
                                                                 const config::Config& config,
                                                                 const Paths& paths,
                                                                 const std::string& plugin,
                                                                 plugin::Services services);
  /// Whether the plugin was ever asked for an image.
  [[nodiscard]] static bool has_cache(const Paths& paths, const std::string& plugin);

  struct Disk {
    std::string path;  // absolute
    std::string format;
    std::uint64_t content_bytes = 0;  // 0: all of it
    std::uint32_t flags = 0;          // FCVM_DISK_...

    /// By all VMs of the image; else each has a copy.
    [[nodiscard]] bool is_shared() const { return (flags & FCVM_DISK_READ_ONLY) != 0; }
  };
  struct Image {
    std::string digest;
    std::string name;
    std::string id;         // of the image configuration: what podman calls the image's id
    std::string config;     // JSON
    std::uint32_t how = 0;  // FCVM_GUEST_...
    std::vector<Disk> disks;
  };

  struct Wanted {
    std::string reference;
    std::uint32_t pull = 0;  // FCVM_PULL_...
    std::string platform;    // empty: the host's
  };
  /// Resolves the reference and fetches whatever is missing.
  [[nodiscard]] Result<Image> prepare(const Wanted& wanted, base::Deadline deadline);
  /// One that the plugin keeps.
  struct Stored {
    std::vector<std::string> digests;  // at least one
    std::vector<std::string> names;
    std::uint64_t bytes = 0;
    std::int64_t used_ns = 0;
  };
  [[nodiscard]] bool can_list() const { return instance_->verbs().list != nullptr; }
  [[nodiscard]] Result<std::vector<Stored>> list(base::Deadline deadline);
  /// Of one that is kept.
  [[nodiscard]] Result<std::string> config(const std::string& digest, base::Deadline deadline);
  /// An empty digest takes the name away.
  Result<void> name(const std::string& name, const std::string& digest, base::Deadline deadline);
  /// Removes those of these that nobody uses, and what killed preparations have left: the digests
  /// of what is gone.
  Result<std::vector<std::string>> collect(const std::vector<std::string>& unwanted,
                                           base::Deadline deadline);
  void cancel() { instance_->cancel(); }

 private:
  ImageSource(std::unique_ptr<plugin::Instance<fcvm_image_v1>> instance, Fd cache)
      : instance_(std::move(instance)), cache_(std::move(cache)) {}
  Result<std::string> read_config(const fcvm_image_request& request, const std::string& digest,
                                  base::Deadline deadline);

  std::unique_ptr<plugin::Instance<fcvm_image_v1>> instance_;
  Fd cache_;
};

}  // namespace fcvm::vm
