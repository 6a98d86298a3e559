// Unpacking what gzip, xz, zstd or bzip2 packed. skopeo 1.9, which Debian 12 has, takes a
// docker-archive packed by gzip for one that is cut short, and no skopeo hands on the names that
// images have in a packed one. Owns nothing.
#pragma once

#include <cstdint>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

#include "core/tar/compression.hpp"

namespace fcvm::archive {

/// What packed the file; null for nothing that is known.
[[nodiscard]] const tar::Compression* compression_of(int fd);

/// What the file system of `to` has free, but for a reserve that others need: a few megabytes that
/// are packed can ask for any amount.
[[nodiscard]] Result<std::uint64_t> room_for_archive(int to);

/// EBADMSG when it is damaged, EFBIG when it comes to more than `most` bytes.
Result<void> unpack(const Host& host, const tar::Compression& by, int from, int to,
                    std::uint64_t most, const Call& call);

}  // namespace fcvm::archive
