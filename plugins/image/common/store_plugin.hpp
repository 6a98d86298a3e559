// StorePlugin: what an image plugin does that keeps each image as a file system of podman's, which
// a builder VM makes once. A plugin adds its kInfo, and how its stores are made and used.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <fcvm/image.hpp>

#include "plugins/image/common/options.hpp"
#include "plugins/image/common/skopeo.hpp"
#include "plugins/image/common/store.hpp"

namespace fcvm::archive {

class StorePlugin : public ImagePlugin {
 public:
  using Options = archive::Options;

  /// Asked at every start of a VM, so it starts no program.
  static Result<Probe> probe(const Host&, const Options& options, const Call&);

  Result<fcvm_image_identity> resolve(const fcvm_image_request& request, const Call& call);
  Result<std::string> config(const fcvm_image_request& request, std::string_view digest,
                             const Call& call);
  Result<ImageDelivery> prepare(const fcvm_image_request& request, std::string_view digest,
                                const Call& call);
  Result<std::vector<ImageEntry>> list(int cache_fd, const Call& call);
  Result<void> name(int cache_fd, std::string_view name, std::string_view digest, const Call& call);
  Result<std::vector<std::string>> collect(int cache_fd, const std::vector<std::string>& unwanted,
                                           const Call& call);

 protected:
  /// `how` and `flags` say how the guest uses a store: FCVM_GUEST_..., FCVM_DISK_...
  StorePlugin(const Host& host, Options options, const char* id, const StoreKind& kind,
              std::uint32_t how, std::uint32_t flags)
      : host_(host), options_(std::move(options)), kind_(kind), how_(how), flags_(flags) {
    options_.plugin = id;
  }

 private:
  Result<Cache> open(int directory) const { return Cache::open(host_, directory, kind_.suffix); }
  [[nodiscard]] Skopeo skopeo(const Wanted& wanted) const {
    return {host_, options_, wanted.platform};
  }

  Host host_;
  Options options_;
  const StoreKind& kind_;
  const std::uint32_t how_;
  const std::uint32_t flags_;
  std::vector<Lock> held_;  // what this VM uses must not be collected
};

}  // namespace fcvm::archive
