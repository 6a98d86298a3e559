// Writing a stored image to an archive, as `podman save` does. What is kept as a store is packed
// again in a builder VM, since the host reads no file system that a guest has written.
#pragma once

#include <filesystem>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "core/image/build_directory.hpp"
#include "core/plugin/services.hpp"
#include "core/vm/supervisor/image_source.hpp"

namespace fcvm::image {

struct SaveRequest {
  vm::ImageSource::Image image;  // its disks, held by the source meanwhile
  std::string name;              // what the archive calls it; may be empty
  std::string format;            // "docker-archive", "oci-archive"
  std::filesystem::path to;      // a file that is not there yet
};

/// Works in `directory`.
[[nodiscard]] Result<void> save(const SaveRequest& request, const BuildDirectory& directory,
                                plugin::BuilderService& builder, const Call& call);

}  // namespace fcvm::image
