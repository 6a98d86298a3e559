// The images that podman has on this host, by its own list of them. Owns nothing, and starts no
// program; skopeo copies what was found.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plugins/image/common/reference.hpp"

namespace fcvm::archive {

/// A reference to the image in podman's storage that a name stands for, as podman itself would take
/// it, and the digest of its manifest; nothing where podman has none. A name that says docker://
/// has none there.
struct PodmanImage {
  Reference reference;
  std::string digest;
};
std::optional<PodmanImage> find_in_podman(const Reference& reference);

/// Where to copy the image of this digest from: podman's storage, where it lies there under this
/// name, else the reference itself.
Reference source_of(const Reference& reference, const std::string& digest);

}  // namespace fcvm::archive
