// Unpacking what gzip packed. skopeo 1.9, which Debian 12 has, takes a docker-archive packed by
// gzip for one that is cut short. Owns nothing.
#pragma once

#include <cstdint>
#include <memory>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

namespace fcvm::archive {

/// Whether the file begins as gzip's do.
[[nodiscard]] bool is_gzip(int fd);

/// What the file system of `to` has free, but for a reserve that others need: a few megabytes of
/// gzip can ask for any amount.
[[nodiscard]] Result<std::uint64_t> room_for_archive(int to);

/// EBADMSG when it is damaged, EFBIG when it comes to more than `most` bytes.
Result<void> gunzip(const Host& host, int from, int to, std::uint64_t most, const Call& call);

}  // namespace fcvm::archive
