// image.archive: images by `podman load` in the guest, from an archive which is a disk.
#include <ctime>
#include <memory>
#include <sys/stat.h>

#include <fcvm/image.hpp>

#include "plugins/image/archive/archive_check.hpp"
#include "plugins/image/archive/fetch.hpp"
#include "plugins/image/archive/resolve.hpp"
#include "plugins/image/archive/work_directory.hpp"

namespace fcvm::archive {

/// How exactly the index knows when an image was last used: an hour.
constexpr std::int64_t kUseGrain = 3600;

class ArchivePlugin : public ImagePlugin {
 public:
  using Options = archive::Options;
  static constexpr Info kInfo{"image.archive", FCVM_VERSION,
                              "archives fetched by skopeo, loaded by podman in the guest",
                              FCVM_IMAGE_CAN_SHARE, 50};

  ArchivePlugin(const Host& host, Options options) : host_(host), options_(std::move(options)) {}

  static Result<Probe> probe(const Host& host, const Options& options, const Call& call) {
    const auto version = Skopeo(host, options, {}).version(call);
    if (version) return Probe::usable("skopeo " + *version);
    const int code = version.error().code();
    if (code == ETIMEDOUT || code == ENOTSUP) return unexpected(version.error());
    // Images that were fetched before need none.
    return Probe::degraded(version.error().message(), "apt install skopeo");
  }

  Result<fcvm_image_identity> resolve(const fcvm_image_request& request, const Call& call) {
    const Wanted wanted = FCVM_TRY(read(request));
    const Cache cache = FCVM_TRY(Cache::open(host_, request.cache_fd));
    const std::string digest =
        FCVM_TRY(archive::resolve(host_, skopeo(wanted), cache, wanted, call));
    auto identity = sized<fcvm_image_identity>();
    put_text(identity.digest, digest);
    if (!put_text(identity.name, wanted.reference.name)) {
      return fail(ENAMETOOLONG, "the image reference is longer than 511 characters",
                  "use a shorter path");
    }
    identity.stored_bytes = stored_bytes(cache, digest);
    return identity;
  }

  Result<std::string> config(const fcvm_image_request& request, std::string_view digest_text,
                             const Call& call) {
    const Wanted wanted = FCVM_TRY(read(request));
    const std::string digest = FCVM_TRY(checked(digest_text));
    const Cache cache = FCVM_TRY(Cache::open(host_, request.cache_fd));
    if (const auto held = FCVM_TRY(cache.hold(digest))) return read_archive(held->fd(), call);
    if (wanted.reference.in_registry() && wanted.pull == FCVM_PULL_NEVER) {
      return never_pulled(wanted.reference);
    }
    // A local file has to be unpacked for this, so it is kept.
    if (wanted.reference.is_file()) {
      const Lock made =
          FCVM_TRY(ensure_archive(host_, skopeo(wanted), cache, wanted, digest, call));
      return read_archive(made.fd(), call);
    }
    const auto scratch = FCVM_TRY(WorkDirectory::create(cache.path()));
    return skopeo(wanted).config(wanted.reference, digest, scratch.path(), call);
  }

  Result<ImageDelivery> prepare(const fcvm_image_request& request, std::string_view digest_text,
                                const Call& call) {
    const Wanted wanted = FCVM_TRY(read(request));
    const std::string digest = FCVM_TRY(checked(digest_text));
    const Cache cache = FCVM_TRY(Cache::open(host_, request.cache_fd));
    Lock held = FCVM_TRY(ensure_archive(host_, skopeo(wanted), cache, wanted, digest, call));
    const std::uint64_t bytes = FCVM_TRY(note_use(cache, wanted, digest, held, call));
    held_.push_back(std::move(held));
    return ImageDelivery{FCVM_GUEST_LOAD_ARCHIVE,
                         {{cache.archive(digest), "docker-archive", bytes, FCVM_DISK_READ_ONLY}}};
  }

  Result<std::vector<std::string>> collect(int cache_fd, const std::vector<std::string>& keep,
                                           const Call& call) {
    return FCVM_TRY(Cache::open(host_, cache_fd)).collect(keep, call);
  }

 private:
  Result<Wanted> read(const fcvm_image_request& request) const {
    const std::string_view text = request.reference == nullptr ? "" : request.reference;
    const std::string_view platform = request.platform == nullptr ? "" : request.platform;
    return Wanted{FCVM_TRY(parse_reference(text, options_.registry)),
                  FCVM_TRY(Platform::parse(platform)), request.pull};
  }

  [[nodiscard]] Skopeo skopeo(const Wanted& wanted) const {
    return {host_, options_, wanted.platform};
  }

  /// It becomes a file name.
  static Result<std::string> checked(std::string_view digest) {
    if (is_digest(digest)) return std::string(digest);
    return fail(EINVAL, "\"" + std::string(digest) + "\" is not a digest");
  }

  static std::uint64_t stored_bytes(const Cache& cache, const std::string& digest) {
    struct stat status {};
    const bool there = ::stat(cache.archive(digest).c_str(), &status) == 0;
    return there ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

  /// Returns the archive's length without its padding.
  static Result<std::uint64_t> note_use(const Cache& cache, const Wanted& wanted,
                                        const std::string& digest, const Lock& held,
                                        const Call& call) {
    struct stat status {};
    if (::fstat(held.fd(), &status) != 0) return fail_errno("looking at the archive");
    auto length = static_cast<std::uint64_t>(status.st_size);
    const std::int64_t now = std::time(nullptr);
    // A start that is one of many need not wait for the disk to say when the image was last used.
    const Index known = cache.index();
    const auto row = known.references.find(wanted.key());
    const auto stored = known.archives.find(digest);
    if (row != known.references.end() && stored != known.archives.end() &&
        row->second.digest == digest && now - row->second.used < kUseGrain) {
      return stored->second;
    }
    FCVM_TRY(cache.update(call, [&](Index& index) {
      length = index.archives.emplace(digest, length).first->second;
      index.references[wanted.key()] = {digest, now, length};
    }));
    return length;
  }

  Host host_;
  Options options_;
  std::vector<Lock> held_;  // what this VM uses must not be collected
};

}  // namespace fcvm::archive

FCVM_EXPORT_PLUGIN(fcvm::archive::ArchivePlugin);
