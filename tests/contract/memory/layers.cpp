// See layers.hpp.
#include "tests/contract/memory/layers.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

namespace fcvm::test {

Result<Layers> Layers::open(const fcvm_memory_request& request) {
  Layers made;
  made.size_ = request.memory_bytes;
  for (const auto& layer : sized_elements(request.layers, request.layer_count)) {
    Layer opened{layer.path, Fd(::openat(layer.directory_fd, layer.path, O_RDONLY | O_CLOEXEC))};
    if (!opened.file) return fail_errno("reading the snapshot's memory " + opened.name);
    FCVM_TRY(made.check_size(opened));
    made.layers_.push_back(std::move(opened));
  }
  if (made.layers_.empty()) return fail(EINVAL, "the snapshot has no memory file");
  return made;
}

Result<void> Layers::check_size(const Layer& layer) const {
  struct stat status {};
  if (::fstat(layer.file.get(), &status) != 0) return fail_errno("looking at " + layer.name);
  if (static_cast<std::uint64_t>(status.st_size) == size_) return {};
  return fail(EINVAL,
              "the snapshot's memory " + layer.name + " has " + std::to_string(status.st_size) +
                  " bytes, and the VM has " + std::to_string(size_),
              "make the snapshot again");
}

Result<bool> Layers::read(std::uint64_t offset, std::span<char> bytes) const {
  std::fill(bytes.begin(), bytes.end(), '\0');
  bool found = false;
  for (const Layer& layer : layers_) {
    const bool has = FCVM_TRY(read_layer(layer, offset, bytes));
    // Afterwards: what was cut off meanwhile looked like a hole.
    FCVM_TRY(check_size(layer));
    found = found || has;
  }
  return found;
}

/// Puts what the layer has over what is there. Seeking moves nothing that anybody relies on.
Result<bool> Layers::read_layer(const Layer& layer, std::uint64_t offset, std::span<char> bytes) {
  const auto end = static_cast<off_t>(offset + bytes.size());
  bool found = false;
  for (auto at = static_cast<off_t>(offset); at < end;) {
    const off_t data = ::lseek(layer.file.get(), at, SEEK_DATA);
    if (data < 0 && errno != ENXIO) return fail_errno("looking for data in " + layer.name);
    if (data < 0 || data >= end) break;
    const off_t hole = ::lseek(layer.file.get(), data, SEEK_HOLE);
    if (hole < 0) return fail_errno("looking for a hole in " + layer.name);
    const auto length = static_cast<std::size_t>(std::min(hole, end) - data);
    const ssize_t count =
        ::pread(layer.file.get(), bytes.data() + (data - static_cast<off_t>(offset)), length, data);
    if (count < 0) return fail_errno("reading " + layer.name);
    if (static_cast<std::size_t>(count) != length) return fail(EIO, layer.name + " was cut");
    found = true;
    at = std::min(hole, end);
  }
  return found;
}

}  // namespace fcvm::test
