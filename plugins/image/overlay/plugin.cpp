// image.overlay: images unpacked once, into a disk that every VM has read-only as an additional
// image store of podman's.
#include <vector>

#include <fcvm/image.hpp>

#include "core/base/io/file.hpp"
#include "core/base/process/program.hpp"
#include "plugins/image/common/fetch.hpp"
#include "plugins/image/common/request.hpp"
#include "plugins/image/overlay/build.hpp"
#include "plugins/image/overlay/store.hpp"

namespace fcvm::overlay {

class OverlayPlugin : public ImagePlugin {
 public:
  using Options = archive::Options;
  static constexpr Info kInfo{
      "image.overlay", FCVM_VERSION, "images unpacked once, on a read-only disk that all VMs share",
      FCVM_IMAGE_CAN_SHARE | FCVM_IMAGE_NEEDS_BUILDER | FCVM_IMAGE_CAN_LIST, 60};

  OverlayPlugin(const Host& host, Options options) : host_(host), options_(std::move(options)) {
    options_.plugin = kInfo.id;
  }

  /// Asked at every start of a VM, so it starts no program.
  static Result<Probe> probe(const Host&, const Options& options, const Call&) {
    const std::string skopeo = base::find_program(options.skopeo);
    if (!skopeo.empty()) return Probe::usable(skopeo);
    // Images that were fetched before need none.
    return Probe::degraded(
        "skopeo, which fetches images, is not installed (" + options.skopeo + ")",
        "apt install skopeo");
  }

  Result<fcvm_image_identity> resolve(const fcvm_image_request& request, const Call& call) {
    const auto wanted = FCVM_TRY(archive::read_request(request, options_));
    const auto cache = FCVM_TRY(open(request.cache_fd));
    return archive::identify(host_, options_, cache, wanted, call);
  }

  Result<std::string> config(const fcvm_image_request& request, std::string_view digest_text,
                             const Call& call) {
    const std::string digest = FCVM_TRY(archive::checked_digest(digest_text));
    const auto cache = FCVM_TRY(open(request.cache_fd));
    const std::string id = cache.id_of(digest);
    // An image that has lost its names, and digests, is known by its id.
    for (const auto& one : {id, digest}) {
      if (auto config = base::read_file(cache.config(one)); !one.empty() && config) return config;
    }
    const auto wanted = FCVM_TRY(archive::read_settled(request, options_, cache, digest));
    return archive::read_config(host_, skopeo(wanted), cache, wanted, digest, call);
  }

  Result<ImageDelivery> prepare(const fcvm_image_request& request, std::string_view digest_text,
                                const Call& call) {
    const std::string digest = FCVM_TRY(archive::checked_digest(digest_text));
    const auto cache = FCVM_TRY(open(request.cache_fd));
    const auto wanted = FCVM_TRY(archive::read_settled(request, options_, cache, digest));
    const archive::Index before = cache.index();
    auto held = FCVM_TRY(ensure_store(host_, skopeo(wanted), cache, wanted, digest, call));
    FCVM_TRY(archive::note_use(cache, wanted, digest, before, call));
    held_.push_back(std::move(held));
    return ImageDelivery{FCVM_GUEST_MOUNT_STORE,
                         {{cache.prepared(digest), kFileSystem, 0, FCVM_DISK_READ_ONLY}}};
  }

  Result<std::vector<ImageEntry>> list(int cache_fd, const Call&) {
    return FCVM_TRY(open(cache_fd)).list();
  }
  Result<void> name(int cache_fd, std::string_view name, std::string_view digest,
                    const Call& call) {
    return archive::name_image(FCVM_TRY(open(cache_fd)), name, digest, call);
  }
  Result<std::vector<std::string>> collect(int cache_fd, const std::vector<std::string>& unwanted,
                                           const Call& call) {
    return FCVM_TRY(open(cache_fd)).collect(unwanted, call);
  }

 private:
  Result<archive::Cache> open(int directory) const {
    return archive::Cache::open(host_, directory, kSuffix);
  }
  [[nodiscard]] archive::Skopeo skopeo(const archive::Wanted& wanted) const {
    return {host_, options_, wanted.platform};
  }

  Host host_;
  Options options_;
  std::vector<archive::Lock> held_;  // what this VM uses must not be collected
};

}  // namespace fcvm::overlay

FCVM_EXPORT_PLUGIN(fcvm::overlay::OverlayPlugin);
