// What a host asks of an image plugin, read and checked, and the answers that are the same for all.
// Owns nothing.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/image.hpp>

#include "plugins/image/common/cache.hpp"
#include "plugins/image/common/options.hpp"
#include "plugins/image/common/resolve.hpp"

namespace fcvm::archive {

Result<Wanted> read_request(const fcvm_image_request& request, const Options& options);

/// Of an image whose digest is known: by the name under which it was found.
Result<Wanted> read_settled(const fcvm_image_request& request, const Options& options,
                            const Cache& cache, const std::string& digest);

/// It becomes a file name.
Result<std::string> checked_digest(std::string_view digest);

/// The digest by the pull policy, with what is stored of the image.
Result<fcvm_image_identity> identify(const Host& host, const Options& options, const Cache& cache,
                                     const Wanted& wanted, const Call& call);

/// `name` as it is normalised; an empty digest takes it away.
Result<void> name_image(const Cache& cache, std::string_view name, std::string_view digest,
                        const Call& call);

/// skopeo's version, and what is missing without it.
Result<Probe> probe_skopeo(const Host& host, const Options& options, const Call& call);

/// Gives the image its name, and notes that it was used. `before` is the index of when the digest
/// was what was wanted: a name that was given to another image since stays that one's.
Result<void> note_use(const Cache& cache, const Wanted& wanted, const std::string& digest,
                      const Index& before, const Call& call);

}  // namespace fcvm::archive
