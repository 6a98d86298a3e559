// A docker-archive that lies on this host: whether it is whole, and its configuration. Owns
// nothing.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

namespace fcvm::archive {

/// Checks that the archive has one image with all its layers, without reading them, and returns its
/// configuration. EBADMSG when it is damaged.
Result<std::string> read_archive(int fd, const Call& call);

/// Whether each layer is the one that the configuration names, by its digest: a configuration is an
/// image's identity. False also for layers that are compressed, or lie elsewhere.
Result<bool> has_its_layers(int fd, const Call& call);

/// Writes the archive anew, of nothing but its image under these names, so that every reader finds
/// there what this one has found. False, with a part of it written, where has_its_layers() is
/// false.
Result<bool> write_anew(int from, int to, const std::vector<std::string>& names, const Call& call);

/// The names that its one image has, as they are written there.
Result<std::vector<std::string>> names_in_archive(int fd, const Call& call);

}  // namespace fcvm::archive
