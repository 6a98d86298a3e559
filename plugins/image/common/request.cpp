// See request.hpp.
#include "plugins/image/common/request.hpp"

#include <algorithm>
#include <ctime>
#include <sys/stat.h>

namespace fcvm::archive {
namespace {

/// How exactly the index knows when an image was last used: an hour.
constexpr std::int64_t kUseGrain = 3600;

/// The row of a name; an empty one where there is none.
Index::Named row_of(const Index& index, const std::string& key) {
  const auto row = index.references.find(key);
  return row == index.references.end() ? Index::Named() : row->second;
}

/// The rows that a use of the image is noted in. A file gives its image the names that it has
/// there, as podman load does; one without any gives its own, where the image has no other.
std::vector<std::string> keys_of(const Index& index, const Wanted& wanted,
                                 const std::string& digest) {
  std::vector<std::string> keys;
  if (!wanted.reference.is_file()) {
    const std::string name = name_to_keep(index, wanted, digest);
    if (!name.empty()) keys.push_back(wanted.key(name));
    return keys;
  }
  if (const auto names = index.names.find(digest); names != index.names.end()) {
    for (const auto& name : names->second) keys.push_back(wanted.key(name));
    return keys;
  }
  for (const auto& [key, named] : index.references) {
    if (named.digest == digest) keys.push_back(key);
  }
  if (keys.empty()) keys.push_back(wanted.key(wanted.reference.name));
  return keys;
}

}  // namespace

Result<Wanted> read_request(const fcvm_image_request& request, const Options& options) {
  const std::string_view text = request.reference == nullptr ? "" : request.reference;
  const std::string_view platform = request.platform == nullptr ? "" : request.platform;
  Reference reference = FCVM_TRY(parse_reference(text, options.registry));
  return Wanted{std::move(reference), FCVM_TRY(Platform::parse(platform)), request.pull};
}

Result<Wanted> read_settled(const fcvm_image_request& request, const Options& options,
                            const Cache& cache, const std::string& digest) {
  Wanted wanted = FCVM_TRY(read_request(request, options));
  return settled(cache, std::move(wanted), digest);
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
  const std::string kept = name_to_keep(cache.index(), wanted, digest);
  const std::string& name =
      kept.empty() || wanted.reference.is_file() ? wanted.reference.name : kept;
  if (!put_text(identity.name, name)) {
    return fail(ENAMETOOLONG, "the image reference is longer than 511 characters",
                "use a shorter path");
  }
  struct stat status {};
  if (::stat(cache.prepared(digest).c_str(), &status) == 0) {
    identity.stored_bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return identity;
}

Result<void> name_image(const Cache& cache, std::string_view name, std::string_view digest,
                        const Call& call) {
  // A name of one's own is local, as with podman tag.
  const Reference reference = FCVM_TRY(parse_reference(name, "localhost"));
  if (!digest.empty() && (!reference.in_registry() || reference.tag.empty())) {
    return fail(EINVAL, "\"" + std::string(name) + "\" cannot be an image's name",
                "write it as NAME:TAG or REGISTRY/NAME:TAG");
  }
  const std::string whole = digest.empty() ? std::string() : FCVM_TRY(checked_digest(digest));
  return cache.name(reference.name, whole, call);
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
                      const Index& before, const Call& call) {
  const std::int64_t now = std::time(nullptr);
  const Index known = cache.index();
  const std::vector<std::string> keys = keys_of(known, wanted, digest);
  // A start that is one of many need not wait for the disk to say when the image was last used.
  const bool is_fresh = std::ranges::all_of(keys, [&](const std::string& key) {
    const auto row = known.references.find(key);
    return row != known.references.end() && row->second.digest == digest &&
           now - row->second.used < kUseGrain;
  });
  if (is_fresh) return {};
  return cache.update(call, [&](Index& index) {
    for (const auto& key : keys) {
      const Index::Named was = row_of(before, key);
      const Index::Named is = row_of(index, key);
      // Else somebody gave the name to another image meanwhile.
      if (is.digest == was.digest || is.digest == digest) index.references[key] = {digest, now};
    }
  });
}

}  // namespace fcvm::archive
