// Bringing an image into the cache, once. Owns nothing.
#pragma once

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "plugins/image/common/cache.hpp"
#include "plugins/image/common/resolve.hpp"
#include "plugins/image/common/skopeo.hpp"

namespace fcvm::archive {

/// A hold on the image's archive in the cache, fetched if it was not there. Of several processes
/// one fetches and the others wait for it.
Result<Lock> ensure_archive(const Host& host, const Skopeo& skopeo, const Cache& cache,
                            const Wanted& wanted, const std::string& digest, const Call& call);

/// The image's configuration, byte for byte, without fetching the layers of a registry's.
Result<std::string> read_config(const Host& host, const Skopeo& skopeo, const Cache& cache,
                                const Wanted& wanted, const std::string& digest, const Call& call);

}  // namespace fcvm::archive
