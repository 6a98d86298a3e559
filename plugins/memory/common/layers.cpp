// See layers.hpp.
#include "plugins/memory/common/layers.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <fcvm/sdk/sized.hpp>

namespace fcvm::memory {

Result<void> check_length(const Layer& layer, std::uint64_t memory_bytes) {
  struct stat status {};
  if (::fstat(layer.file.get(), &status) != 0) return fail_errno("looking at " + layer.name);
  if (!S_ISREG(status.st_mode)) {
    return fail(EINVAL, "the snapshot's memory " + layer.name + " is not a file");
  }
  if (static_cast<std::uint64_t>(status.st_size) == memory_bytes) return {};
  return fail(EINVAL,
              "the snapshot's memory " + layer.name + " has " + std::to_string(status.st_size) +
                  " bytes, and the VM has " + std::to_string(memory_bytes),
              "make the snapshot again");
}

Result<std::vector<Layer>> open_layers(const fcvm_memory_request& request) {
  const std::uint64_t pages =
      request.page_bytes == 0 ? 0 : request.memory_bytes / request.page_bytes;
  if (pages == 0 || pages * request.page_bytes != request.memory_bytes) {
    return fail(EINVAL, "a memory of " + std::to_string(request.memory_bytes) +
                            " bytes is not whole pages of " + std::to_string(request.page_bytes));
  }
  std::vector<Layer> layers;
  for (const auto& layer : sized_elements(request.layers, request.layer_count)) {
    // A FIFO, which is none of a snapshot's, must not make this wait.
    Layer opened{layer.path,
                 Fd(::openat(layer.directory_fd, layer.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))};
    if (!opened.file) {
      return fail_errno("reading the snapshot's memory " + opened.name, "make the snapshot again");
    }
    FCVM_TRY(check_length(opened, request.memory_bytes));
    layers.push_back(std::move(opened));
  }
  if (layers.empty()) return fail(EINVAL, "the snapshot has no memory file");
  return layers;
}

}  // namespace fcvm::memory
