// See clone.hpp.
#include "plugins/memory/file/clone.hpp"

#include <array>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/clone_file.hpp"
#include "core/base/io/fd.hpp"
#include "plugins/memory/common/pidfd.hpp"
#include "plugins/memory/file/mapped_pages.hpp"
#include "plugins/memory/file/warm.hpp"

namespace fcvm::memory {

namespace {

/// Where the file lies now.
Result<std::string> path_of(const Layer& layer) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(layer.file.get());
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  struct stat opened {};
  struct stat there {};
  if (length < 0 || static_cast<std::size_t>(length) == path.size() ||
      ::fstat(layer.file.get(), &opened) != 0) {
    return fail_errno("finding the snapshot's memory " + layer.name);
  }
  std::string found(path.data(), static_cast<std::size_t>(length));
  if (::stat(found.c_str(), &there) == 0 && there.st_dev == opened.st_dev &&
      there.st_ino == opened.st_ino) {
    return found;
  }
  return fail(ESTALE, "the snapshot's memory " + layer.name + " has been removed");
}

}  // namespace

FileClone::~FileClone() {
  if (made_) ::unlinkat(home_.get(), kName, 0);  // the directory may be gone already
}

Result<void> FileClone::offer(const std::vector<Layer>& layers, int directory, const Call& call) {
  home_ = FCVM_TRY(base::open_at(directory, ".", O_PATH | O_DIRECTORY) |
                   context("opening the clone's directory"));
  return layers.size() == 1 ? link(layers.front()) : merge(layers, call);
}

/// A symbolic one: whoever may write to the clone's directory could change the modes of a file that
/// is linked there, and what is behind a symbolic link the host shows to the VMM for reading only.
Result<void> FileClone::link(const Layer& layer) {
  const std::string path = FCVM_TRY(path_of(layer));
  if (::symlinkat(path.c_str(), home_.get(), kName) != 0) {
    return fail_errno("linking " + path + " into the clone's directory");
  }
  made_ = true;
  memory_ = FCVM_TRY(layer.file.duplicate());
  return {};
}

Result<void> FileClone::merge(const std::vector<Layer>& layers, const Call& call) {
  memory_ = FCVM_TRY(base::open_at(home_.get(), kName, O_RDWR | O_CREAT | O_EXCL, 0600) |
                     context("merging the layers of the snapshot"));
  made_ = true;
  const auto go_on = [&](std::uint64_t) { return call.check(); };
  for (const Layer& layer : layers) {
    const int from = layer.file.get();
    const bool lowest = &layer == &layers.front();
    FCVM_TRY((lowest ? base::clone_file(from, memory_.get(), go_on)
                     : base::lay_over(from, memory_.get(), go_on)) |
             context("merging the snapshot's layer " + layer.name));
    // Afterwards: what was cut off meanwhile looked like a hole.
    FCVM_TRY(check_length(layer, memory_bytes_));
  }
  return {};
}

Result<void> FileClone::vmm_lives() const {
  const int vmm = vmm_;
  if (vmm < 0) return fail(ESRCH, "the clone's VMM has not started");
  if (has_ended(vmm)) return fail(ESRCH, "the clone's VMM has ended");
  return {};
}

Result<void> FileClone::prefetch(const PageSet& pages, const Call& call) {
  FCVM_TRY(warm(memory_.get(), pages, page_bytes_, [&]() -> Result<void> {
    FCVM_TRY(call.check());
    return vmm_lives();
  }));
  bytes_prefetched_ = pages.count() * page_bytes_;
  return {};
}

Result<PageSet> FileClone::used(const PageSet& working_set) const {
  if (!record_) return fail(EINVAL, "what the clone uses is not recorded");
  FCVM_TRY(vmm_lives());
  PageSet pages = FCVM_TRY(mapped_pages(vmm_, memory_.get(), memory_bytes_));
  if (bytes_prefetched_ > 0) pages.add(working_set);
  return pages;
}

}  // namespace fcvm::memory
