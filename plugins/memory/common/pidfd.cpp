// See pidfd.hpp.
#include "plugins/memory/common/pidfd.hpp"

#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <string>

#include "core/base/io/file.hpp"

namespace fcvm::memory {

bool has_ended(int pidfd) {
  pollfd ended{pidfd, POLLIN, 0};
  return ::poll(&ended, 1, 0) != 0;
}

Result<pid_t> pid_of(int pidfd) {
  const std::string text = FCVM_TRY(base::read_file("/proc/self/fdinfo/" + std::to_string(pidfd)));
  const std::size_t at = text.find("Pid:");
  int pid = 0;
  if (at != std::string::npos && std::sscanf(text.c_str() + at, "Pid: %d", &pid) == 1 && pid > 0) {
    return pid;
  }
  return fail(ESRCH, "the clone's VMM has ended");
}

}  // namespace fcvm::memory
