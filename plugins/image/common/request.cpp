// See request.hpp.
#include "plugins/image/common/request.hpp"

#include <ctime>
#include <sys/stat.h>

namespace fcvm::archive {
namespace {

/// How exactly the index knows when an image was last used: an hour.
constexpr std::int64_t kUseGrain = 3600;

}  // namespace

Result<Wanted> read_request(const fcvm_image_request& request, const Options& options) {
  const std::string_view text = request.reference == nullptr ? "" : request.reference;
  const std::string_view platform = request.platform == nullptr ? "" : request.platform;
  Reference reference = FCVM_TRY(parse_reference(text, options.registry));
  return Wanted{std::move(reference), FCVM_TRY(Platform::parse(platform)), request.pull};
}

Result<std::string> checked_digest(std::string_view digest) {
  if (is_digest(digest)) return std::string(digest);
  return fail(EINVAL, "\"" + std::string(digest) + "\" is not a digest");
}

Result<fcvm_image_identity> identify(const Host& host, const Options& options, const Cache& cache,
                                     const Wanted& wanted, const Call& call) {
  const Skopeo skopeo(host, options, wanted.platform);
  const std::string digest = FCVM_TRY(resolve(host, skopeo, cache, wanted, call));
  auto identity = sized<fcvm_image_identity>();
  put_text(identity.digest, digest);
  if (!put_text(identity.name, wanted.reference.name)) {
    return fail(ENAMETOOLONG, "the image reference is longer than 511 characters",
                "use a shorter path");
  }
  struct stat status {};
  if (::stat(cache.prepared(digest).c_str(), &status) == 0) {
    identity.stored_bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return identity;
}

Result<Probe> probe_skopeo(const Host& host, const Options& options, const Call& call) {
  const auto version = Skopeo(host, options, {}).version(call);
  if (version) return Probe::usable("skopeo " + *version);
  const int code = version.error().code();
  if (code == ETIMEDOUT || code == ENOTSUP) return unexpected(version.error());
  // Images that were fetched before need none.
  return Probe::degraded(version.error().message(), "apt install skopeo");
}

Result<void> note_use(const Cache& cache, const Wanted& wanted, const std::string& digest,
                      std::uint64_t bytes, const Call& call) {
  const std::int64_t now = std::time(nullptr);
  // A start that is one of many need not wait for the disk to say when the image was last used.
  const Index known = cache.index();
  const auto row = known.references.find(wanted.key());
  if (row != known.references.end() && row->second.digest == digest &&
      now - row->second.used < kUseGrain) {
    return {};
  }
  return cache.update(call, [&](Index& index) {
    index.references[wanted.key()] = {digest, now, bytes};
  });
}

}  // namespace fcvm::archive
