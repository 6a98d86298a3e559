// See resolve.hpp.
#include "plugins/image/common/resolve.hpp"

#include <algorithm>
#include <sys/stat.h>

#include <fcvm/image.h>

#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"
#include "plugins/image/common/podman_store.hpp"
#include "plugins/image/common/work_directory.hpp"

namespace fcvm::archive {

namespace {

constexpr const char* kLocalhost = "localhost";

bool is_there(const Cache& cache, const std::string& digest) {
  return ::access(cache.prepared(digest).c_str(), R_OK) == 0;
}

bool is_beginning(const std::string& id, const std::string& of) {
  return !id.empty() && of.substr(of.find(':') + 1).starts_with(id);
}

/// So many digits are shown of an id; fewer may as well be a name.
constexpr std::size_t kShownId = 12;

/// The digest of a stored image by the beginning of its id; empty for none.
Result<std::string> by_id(const Cache& cache, const Index& index, const std::string& id) {
  std::string found;
  std::string whose;
  for (const auto& [digest, whole] : index.ids) {
    if (!is_beginning(id, whole) || !is_there(cache, digest)) continue;
    if (!whose.empty() && whose != whole && id.size() < kShownId) return std::string();
    if (!whose.empty() && whose != whole) {
      return fail(EINVAL, "the ids of several images begin with " + id,
                  "write more of it; fcvm images --no-trunc shows all");
    }
    found = digest;
    whose = whole;
  }
  // One that has lost its digests.
  const std::string whole = "sha256:" + id;
  if (found.empty() && is_digest(whole) &&
      ::access(cache.prepared_by_id(whole).c_str(), R_OK) == 0) {
    return whole;
  }
  return found;
}

/// What the index says, when the image is there too; empty for none.
Result<std::string> cached(const Cache& cache, const Wanted& wanted) {
  const Index index = cache.index();
  // The id first, as podman has it: whoever makes an archive chooses its names.
  std::string known = FCVM_TRY(by_id(cache, index, wanted.reference.id));
  if (!known.empty() || wanted.reference.is_id()) return known;
  for (const auto& name : wanted.names()) {
    const auto found = index.references.find(wanted.key(name));
    if (found == index.references.end()) continue;
    if (is_there(cache, found->second.digest)) return found->second.digest;
  }
  return known;
}

Result<std::string> resolve_manifest(const Skopeo& skopeo, const Wanted& wanted, const Call& call) {
  const std::string manifest = FCVM_TRY(skopeo.manifest(wanted.reference, call));
  const std::string digest = "sha256:" + digest::sha256(manifest);
  // skopeo shows whatever the registry answered.
  if (!wanted.reference.digest.empty() && wanted.reference.digest != digest) {
    return fail(EBADMSG,
                wanted.reference.name + ": the registry has another image there, " + digest,
                "do not use this registry before somebody has looked into it");
  }
  std::string chosen =
      FCVM_TRY(choose_manifest(manifest, wanted.platform) | context(wanted.reference.name));
  if (chosen.empty()) return digest;
  if (!is_digest(chosen)) return fail(EBADMSG, wanted.reference.name + ": a digest is malformed");
  return chosen;
}

Index::File look_of(const struct stat& status) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {status.st_dev,
          status.st_ino,
          static_cast<std::uint64_t>(status.st_size),
          std::int64_t{status.st_mtim.tv_sec} * kSecond + status.st_mtim.tv_nsec,
          std::int64_t{status.st_ctim.tv_sec} * kSecond + status.st_ctim.tv_nsec,
          {}};
}

/// By content, which is read once for as long as the file looks the same.
Result<std::string> content_of(const Cache& cache, const std::string& path, const Call& call) {
  const Fd file = FCVM_TRY(base::open_regular_file(path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at " + path);
  Index::File look = look_of(status);
  const Index index = cache.index();
  const auto known = index.files.find(path);
  if (known != index.files.end() && known->second.same_file(look)) return known->second.digest;
  look.digest =
      "sha256:" + FCVM_TRY(digest::sha256_of_file(file.get(), [&] { return call.check(); }) |
                           context("reading " + path));
  FCVM_TRY(cache.update(call, [&](Index& now) { now.files[path] = look; }));
  return look.digest;
}

Result<std::string> resolve_file(const Cache& cache, const Reference& reference, const Call& call) {
  const std::string content = FCVM_TRY(content_of(cache, reference.path, call) |
                                       context(reference.name) | remedy("check the path"));
  return digest_of_file(reference, content);
}

/// By its configuration, which what is copied later is compared with: whoever owns the directory
/// may change it meanwhile, and writes what he likes into its manifest.
Result<std::string> resolve_directory(const Skopeo& skopeo, const Cache& cache,
                                      const Reference& reference, const Call& call) {
  struct stat status {};
  if (::stat(reference.path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return fail(ENOENT, reference.name + ": there is no directory " + reference.path,
                "check the path");
  }
  const auto scratch = FCVM_TRY(WorkDirectory::create(cache.path()));
  const auto config = FCVM_TRY(skopeo.config(reference, {}, scratch.path(), call));
  return "sha256:" + digest::sha256(config);
}

/// By the name, or by the first other that a registry knows, as podman tries them. Which it was is
/// noted, for whoever fetches it then.
Result<std::string> ask_registries(const Skopeo& skopeo, const Cache& cache, const Wanted& wanted,
                                   const Call& call) {
  auto digest = resolve_manifest(skopeo, wanted, call);
  for (const auto& name : wanted.reference.elsewhere) {
    if (digest || digest.error().code() == ECANCELED || digest.error().code() == ETIMEDOUT) break;
    Wanted other = wanted;
    other.reference = FCVM_TRY(parse_reference("docker://" + name, ""));
    auto found = resolve_manifest(skopeo, other, call);
    if (!found) {
      digest =
          fail(digest.error().code(), digest.error().message() + "\n" + found.error().message(),
               digest.error().remedy());
      continue;
    }
    FCVM_TRY(cache.update(call, [&](Index& index) {
      index.references.try_emplace(wanted.key(name)).first->second.digest = *found;
    }));
    return found;
  }
  return digest;
}

Result<std::string> ask_registry(const Host& host, const Skopeo& skopeo, const Cache& cache,
                                 const Wanted& wanted, const std::string& fallback,
                                 const Call& call) {
  auto digest = ask_registries(skopeo, cache, wanted, call);
  if (digest || fallback.empty()) return digest;
  const int code = digest.error().code();
  if (code == ECANCELED || code == ETIMEDOUT) return digest;
  host.warning("using the cached image: " + digest.error().message());
  return fallback;
}

bool is_built_here(const PodmanImage& image) {
  return image.reference.name.starts_with(std::string(kLocalhost) + "/");
}

Unexpected not_local(const Reference& reference) {
  return fail(ENOENT, reference.name + ": neither fcvm nor podman has such an image",
              "podman images lists what is there; docker://" + reference.name +
                  " would ask a registry on this host");
}

}  // namespace

Unexpected never_pulled(const Reference& reference) {
  return fail(ENOENT, reference.name + ": it is not cached, and the pull policy is \"never\"",
              "let it be fetched: --pull missing");
}

std::vector<std::string> Wanted::names() const {
  if (!reference.local_names.empty()) return reference.local_names;
  return {reference.name};
}

std::string name_to_keep(const Index& index, const Wanted& wanted, const std::string& digest) {
  for (const auto& name : wanted.names()) {
    const auto row = index.references.find(wanted.key(name));
    if (row != index.references.end() && row->second.digest == digest) return name;
  }
  if (wanted.reference.is_id()) return {};
  const auto id = index.ids.find(digest);
  if (id != index.ids.end() && is_beginning(wanted.reference.id, id->second)) return {};
  if (const auto local = find_in_podman(wanted.reference); local && local->digest == digest) {
    return local->reference.name;
  }
  return wanted.reference.name;
}

std::string digest_of_file(const Reference& reference, const std::string& content) {
  // Two images of one file are two images.
  if (reference.selector.empty()) return content;
  return "sha256:" + digest::sha256(content + "\n" + reference.selector);
}

Result<Wanted> settled(const Cache& cache, Wanted wanted, const std::string& digest) {
  if (wanted.reference.elsewhere.empty()) return wanted;
  const std::string name = name_to_keep(cache.index(), wanted, digest);
  if (std::ranges::find(wanted.reference.elsewhere, name) == wanted.reference.elsewhere.end()) {
    return wanted;
  }
  wanted.reference = FCVM_TRY(parse_reference(name, ""));
  return wanted;
}

Result<std::string> resolve_now(const Skopeo& skopeo, const Cache& cache, const Wanted& wanted,
                                const Call& call) {
  const Reference& reference = wanted.reference;
  if (reference.is_file()) return resolve_file(cache, reference, call);
  if (reference.is_directory()) return resolve_directory(skopeo, cache, reference, call);
  if (const auto local = find_in_podman(reference)) return local->digest;
  return resolve_manifest(skopeo, wanted, call);
}

Result<std::string> resolve(const Host& host, const Skopeo& skopeo, const Cache& cache,
                            const Wanted& wanted, const Call& call) {
  // A local image is looked at whatever the policy: there is nothing to pull.
  if (!wanted.reference.in_registry()) return resolve_now(skopeo, cache, wanted, call);
  if (wanted.reference.is_id()) {
    std::string known = FCVM_TRY(cached(cache, wanted));
    if (known.empty()) {
      return fail(ENOENT, wanted.reference.name + ": no image has this id",
                  "fcvm images --no-trunc shows those there are");
    }
    return known;
  }
  const bool is_local =
      wanted.reference.host == kLocalhost && !wanted.reference.local_names.empty();
  const bool asks_registry =
      !is_local && (wanted.pull == FCVM_PULL_ALWAYS || wanted.pull == FCVM_PULL_NEWER);
  const auto local = asks_registry ? std::nullopt : find_in_podman(wanted.reference);
  // What podman built last counts; what fcvm pulled is not replaced by what podman pulled before.
  if (local && is_built_here(*local)) return local->digest;
  std::string known = FCVM_TRY(cached(cache, wanted));
  if (known.empty() && local) return local->digest;
  if (is_local && known.empty()) return not_local(wanted.reference);
  if (is_local) return known;
  switch (wanted.pull) {
    case FCVM_PULL_NEVER:
      if (known.empty()) return never_pulled(wanted.reference);
      return known;
    case FCVM_PULL_ALWAYS:
      return ask_registries(skopeo, cache, wanted, call);
    case FCVM_PULL_NEWER:
      return ask_registry(host, skopeo, cache, wanted, known, call);
    default:
      if (!known.empty()) return known;
      return ask_registries(skopeo, cache, wanted, call);
  }
}

}  // namespace fcvm::archive
