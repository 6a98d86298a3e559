// See container_files.hpp.
#include "agent/container/container_files.hpp"

#include <cstdint>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"

namespace fcvm::agent {
namespace {

constexpr std::size_t kLargest = 4 << 20;

std::string root_of(pid_t pid) { return pid > 0 ? "/proc/" + std::to_string(pid) + "/root" : "/"; }

}  // namespace

Result<base::Fd> open_below(const std::string& root, const std::string& path, std::uint64_t flags,
                            mode_t mode) {
  const auto directory = FCVM_TRY(base::open_file(root, O_PATH | O_DIRECTORY));
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  base::Fd file(
      static_cast<int>(::syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof how)));
  if (!file) return fail_errno("opening /" + path);
  return file;
}

Result<base::Fd> find_in_root(pid_t pid, const std::string& path) {
  return open_below(root_of(pid), path, O_PATH);
}

std::string read_in_root(pid_t pid, const std::string& path) {
  return read_below(root_of(pid), path);
}

std::string read_below(const std::string& root, const std::string& path) {
  // Non-blocking: the container may have put a FIFO there, and the agent must not wait for it.
  const auto file = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status {};
  if (!file || ::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return base::read_all(file->get(), kLargest).value_or("");
}

}  // namespace fcvm::agent
