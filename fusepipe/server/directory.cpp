// See directory.hpp.
#include "fusepipe/server/directory.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace fcvm::fusepipe {

Result<Directory> Directory::open(ServeOptions options) {
  Directory directory;
  directory.root_ = FCVM_TRY(base::open_file(options.directory, O_PATH | O_DIRECTORY) |
                             context("serving " + options.directory));
  directory.descriptors_ = FCVM_TRY(base::open_file("/proc/self/fd", O_PATH | O_DIRECTORY));
  if (const int error = stat_fd(directory.root_.get(), directory.status_)) {
    return fail(error, "looking at " + options.directory + ": " + std::strerror(error));
  }
  directory.options_ = std::move(options);
  directory.is_root_ = ::geteuid() == 0;
  return directory;
}

int Directory::open_file(const Node& node, int flags) const {
  if (!node.is_regular()) return S_ISDIR(node.type) ? -EISDIR : -ENXIO;
  const std::string name = std::to_string(node.get());
  int fd = -1;
  do {
    fd = ::openat(descriptors_.get(), name.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

std::string Directory::path_of(const Node& node) {
  return "/proc/self/fd/" + std::to_string(node.get());
}

}  // namespace fcvm::fusepipe
