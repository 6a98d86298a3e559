// The store disk of an image: made once, and then shared by every VM. Owns nothing.
#pragma once

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

#include "plugins/image/common/build_store.hpp"
#include "plugins/image/common/cache.hpp"
#include "plugins/image/common/resolve.hpp"
#include "plugins/image/common/skopeo.hpp"

namespace fcvm::archive {

/// A hold on the image's store, fetched and made if it was not there. Of several processes one
/// makes it and the others wait.
Result<Lock> ensure_store(const Host& host, const StoreKind& kind, const Skopeo& skopeo,
                          const Cache& cache, const Wanted& wanted, const std::string& digest,
                          const Call& call);

}  // namespace fcvm::archive
