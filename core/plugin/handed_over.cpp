#include "core/plugin/handed_over.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/log/log.hpp"

namespace fcvm::plugin {

Result<base::Fd> take_descriptor(std::string_view plugin_id, std::string_view what, int fd) {
  const int flags = fd > STDERR_FILENO ? ::fcntl(fd, F_GETFD) : -1;
  if (flags < 0) {
    return fail(EPROTO,
                fmt::format("plugin {} broke the interface: it handed over {} as {}, which "
                            "is not a descriptor of its own",
                            plugin_id, fd, what),
                "report it to its author");
  }
  base::Fd owned(fd);
  const int status = ::fcntl(fd, F_GETFL);
  if ((flags & FD_CLOEXEC) == 0 || (status & O_NONBLOCK) != 0) {
    log::debug(plugin_id, "{} is not CLOEXEC and blocking, as the interface has it", what);
    ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, status & ~O_NONBLOCK);
  }
  return owned;
}

}  // namespace fcvm::plugin
