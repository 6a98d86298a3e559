// See request.hpp.
#include "plugins/image/common/request.hpp"

#include <algorithm>
#include <ctime>
#include <sys/stat.h>

#include "plugins/image/common/archive_check.hpp"

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

Result<void> take_names(const Cache& cache, const Wanted& wanted, const std::string& digest,
                        int archive, const Call& call) {
  if (!wanted.reference.is_file()) return {};
  const Index known = cache.index();
  const bool has_names = std::ranges::any_of(
      known.references, [&](const auto& row) { return row.second.digest == digest; });
  if (has_names) return {};
  std::vector<std::string> keys;
  for (const auto& name : FCVM_TRY(names_in_archive(archive, call))) {
    const auto reference = parse_reference(name, "docker.io");
    if (!reference || !reference->in_registry()) continue;
    keys.push_back(reference->name + " " + wanted.platform.text());
  }
  if (keys.empty()) return {};
  return cache.update(call, [&](Index& index) {
    for (const auto& key : keys) index.references[key] = {digest, std::time(nullptr), 0};
  });
}

Result<void> name_image(const Cache& cache, std::string_view name, std::string_view digest,
                        const Call& call) {
  // A name of one's own is local, as with podman tag.
  const Reference reference = FCVM_TRY(parse_reference(name, "localhost"));
  if (!digest.empty() && (!reference.in_registry() || !reference.digest.empty())) {
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
                      std::uint64_t bytes, const Call& call) {
  const std::int64_t now = std::time(nullptr);
  const auto keys_in = [&](const Index& index) {
    std::vector<std::string> keys;
    for (const auto& [key, named] : index.references) {
      if (wanted.reference.is_file() && named.digest == digest) keys.push_back(key);
    }
    if (keys.empty()) keys.push_back(wanted.key());
    return keys;
  };
  // A start that is one of many need not wait for the disk to say when the image was last used.
  const Index known = cache.index();
  const bool is_fresh = std::ranges::all_of(keys_in(known), [&](const std::string& key) {
    const auto row = known.references.find(key);
    return row != known.references.end() && row->second.digest == digest &&
           now - row->second.used < kUseGrain;
  });
  if (is_fresh) return {};
  return cache.update(call, [&](Index& index) {
    for (const auto& key : keys_in(index)) index.references[key] = {digest, now, bytes};
  });
}

}  // namespace fcvm::archive
