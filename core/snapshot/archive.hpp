// A snapshot as one stream of bytes, for another host: its manifest, in which each file has a
// digest, and what is not a hole of each file. What comes in is compared with the digests, always.
//
//   "fcvm-snapshot 1\n" | piece of the manifest | pieces of files | a piece of length 0
//   piece: u32 file (its place in the manifest; kManifestPiece) | u32 length | u64 offset | bytes
//
// Numbers are little-endian. The manifest is one piece, pieces of a file come in any order.
#pragma once

#include <cstdint>
#include <string>

#include <fcvm/result.hpp>

#include "core/snapshot/store.hpp"

namespace fcvm::snapshot {

[[nodiscard]] Result<void> write_archive(const Snapshot& snapshot, int to);

/// With an id of its own here, and that tag; without one the tag that it had. EBADMSG for what is
/// cut, altered or none: nothing is left of it then.
[[nodiscard]] Result<Snapshot> read_archive(const Store& store, int from, const std::string& tag);

}  // namespace fcvm::snapshot
