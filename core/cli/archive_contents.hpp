// What an archive of images says that it holds. Owns nothing.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::cli {

struct ArchivedImage {
  std::string reference;           // for `pull`
  std::vector<std::string> names;  // with registry and tag, as podman completes them
};

/// Of a file that `save` of fcvm, podman or docker wrote, or a directory with an OCI layout; its
/// path has no colon. Of what is packed, one image without names: its reader knows more.
[[nodiscard]] Result<std::vector<ArchivedImage>> images_in(const std::string& path);

}  // namespace fcvm::cli
