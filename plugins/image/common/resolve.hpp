// From a reference to the digest of what it names now. Owns nothing.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "plugins/image/common/cache.hpp"
#include "plugins/image/common/skopeo.hpp"

namespace fcvm::archive {

/// A reference for a platform, and by which policy it is pulled.
struct Wanted {
  Reference reference;
  Platform platform;
  std::uint32_t pull = 0;  // FCVM_PULL_...

  [[nodiscard]] std::string key(const std::string& name) const {
    return name + " " + platform.text();
  }
  /// What the index may know it by, the first that it has counts.
  [[nodiscard]] std::vector<std::string> names() const;
};

/// Fetches no layer. `host` hears why a cached image was taken for want of a registry.
Result<std::string> resolve(const Host& host, const Skopeo& skopeo, const Cache& cache,
                            const Wanted& wanted, const Call& call);

/// The digest by what is stored, whatever the policy.
Result<std::string> resolve_now(const Skopeo& skopeo, const Cache& cache, const Wanted& wanted,
                                const Call& call);

/// The digest of an image in a file whose content has this one.
std::string digest_of_file(const Reference& reference, const std::string& content);

/// The name that an image of this digest is kept under; empty where it was named by its id.
std::string name_to_keep(const Index& index, const Wanted& wanted, const std::string& digest);

/// The same, by the name under which a digest was found, where registries.conf has several.
Result<Wanted> settled(const Cache& cache, Wanted wanted, const std::string& digest);

/// ENOENT for an image that is not cached and may not be pulled.
Unexpected never_pulled(const Reference& reference);

}  // namespace fcvm::archive
