// image.archive: images by `podman load` in the guest, from an archive which is a disk.
#include <memory>
#include <sys/stat.h>

#include <fcvm/image.hpp>

#include "plugins/image/common/archive.hpp"
#include "plugins/image/common/fetch.hpp"
#include "plugins/image/common/request.hpp"
#include "plugins/image/common/work_directory.hpp"

namespace fcvm::archive {

class ArchivePlugin : public ImagePlugin {
 public:
  using Options = archive::Options;
  static constexpr Info kInfo{"image.archive", FCVM_VERSION,
                              "archives fetched by skopeo, loaded by podman in the guest",
                              FCVM_IMAGE_CAN_SHARE | FCVM_IMAGE_CAN_LIST, 50};

  ArchivePlugin(const Host& host, Options options) : host_(host), options_(std::move(options)) {
    options_.plugin = kInfo.id;
  }

  static Result<Probe> probe(const Host& host, const Options& options, const Call& call) {
    return probe_skopeo(host, options, call);
  }

  Result<fcvm_image_identity> resolve(const fcvm_image_request& request, const Call& call) {
    const Wanted wanted = FCVM_TRY(read_request(request, options_));
    const Cache cache = FCVM_TRY(Cache::open(host_, request.cache_fd));
    return identify(host_, options_, cache, wanted, call);
  }

  Result<std::string> config(const fcvm_image_request& request, std::string_view digest_text,
                             const Call& call) {
    const std::string digest = FCVM_TRY(checked_digest(digest_text));
    const Cache cache = FCVM_TRY(Cache::open(host_, request.cache_fd));
    if (const auto held = FCVM_TRY(cache.hold(digest))) return config_in(held->fd(), call);
    const Wanted wanted = FCVM_TRY(read_settled(request, options_, cache, digest));
    return read_config(host_, skopeo(wanted), cache, wanted, digest, call);
  }

  Result<ImageDelivery> prepare(const fcvm_image_request& request, std::string_view digest_text,
                                const Call& call) {
    const std::string digest = FCVM_TRY(checked_digest(digest_text));
    const Cache cache = FCVM_TRY(Cache::open(host_, request.cache_fd));
    const Wanted wanted = FCVM_TRY(read_settled(request, options_, cache, digest));
    const Index before = cache.index();
    Lock held = FCVM_TRY(ensure_archive(host_, skopeo(wanted), cache, wanted, digest, call));
    const std::uint64_t bytes = FCVM_TRY(length_of(cache, digest, held));
    FCVM_TRY(note_use(cache, wanted, digest, before, call));
    held_.push_back(std::move(held));
    return ImageDelivery{FCVM_GUEST_LOAD_ARCHIVE,
                         {{cache.archive(digest), "docker-archive", bytes, FCVM_DISK_READ_ONLY}}};
  }

  Result<std::vector<ImageEntry>> list(int cache_fd, const Call&) {
    return FCVM_TRY(Cache::open(host_, cache_fd)).list();
  }
  Result<void> name(int cache_fd, std::string_view name, std::string_view digest,
                    const Call& call) {
    return name_image(FCVM_TRY(Cache::open(host_, cache_fd)), name, digest, call);
  }
  Result<std::vector<std::string>> collect(int cache_fd, const std::vector<std::string>& unwanted,
                                           const Call& call) {
    return FCVM_TRY(Cache::open(host_, cache_fd)).collect(unwanted, call);
  }

 private:
  [[nodiscard]] Skopeo skopeo(const Wanted& wanted) const {
    return {host_, options_, wanted.platform};
  }

  /// Without its padding.
  static Result<std::uint64_t> length_of(const Cache& cache, const std::string& digest,
                                         const Lock& held) {
    struct stat status {};
    if (::fstat(held.fd(), &status) != 0) return fail_errno("looking at the archive");
    const Index known = cache.index();
    const auto stored = known.archives.find(digest);
    if (stored != known.archives.end()) return stored->second;
    return static_cast<std::uint64_t>(status.st_size);
  }

  Host host_;
  Options options_;
  std::vector<Lock> held_;  // what this VM uses must not be collected
};

}  // namespace fcvm::archive

FCVM_EXPORT_PLUGIN(fcvm::archive::ArchivePlugin);
