// Unpacking what gzip packed. skopeo 1.9, which Debian 12 has, takes a docker-archive packed by
// gzip for one that is cut short. Owns nothing.
#pragma once

#include <memory>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

namespace fcvm::archive {

/// Whether the file begins as gzip's do.
[[nodiscard]] bool is_gzip(int fd);

/// EBADMSG when it is damaged.
Result<void> gunzip(const Host& host, int from, int to, const Call& call);

}  // namespace fcvm::archive
