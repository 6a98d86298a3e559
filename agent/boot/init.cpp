// See init.hpp.
#include "agent/boot/init.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "agent/boot/kernel_files.hpp"
#include "agent/log.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {

void open_standard_streams() {
  int fd = ::open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= 2) fd = ::dup(fd);
  // The one too many: every program that the agent starts would have it open.
  if (fd > 2) ::close(fd);
}

void raise_limits() {
  constexpr rlimit kLimit = {1 << 20, 1 << 20};
  for (const auto which : {RLIMIT_NOFILE, RLIMIT_NPROC}) ::setrlimit(which, &kLimit);
}

Result<void> mount_kernel_filesystems() {
  constexpr unsigned long kSafe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const MountCall calls[] = {
      {"proc", "/proc", "proc", kSafe, ""},
      {"sysfs", "/sys", "sysfs", kSafe, ""},
      {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755"},
      {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
      {"tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
      {"mqueue", "/dev/mqueue", "mqueue", kSafe, ""},
      {"tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"},
      {"tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
      {"cgroup2", "/sys/fs/cgroup", "cgroup2", kSafe, "nsdelegate"},
  };
  for (const auto& call : calls) {
    const auto mounted = mount_one(call);
    // A kernel may have mounted devtmpfs already.
    if (!mounted && mounted.error().code() != EBUSY) return mounted;
  }
  constexpr std::pair<const char*, const char*> kLinks[] = {{"/proc/self/fd", "/dev/fd"},
                                                            {"/proc/self/fd/0", "/dev/stdin"},
                                                            {"/proc/self/fd/1", "/dev/stdout"},
                                                            {"/proc/self/fd/2", "/dev/stderr"}};
  for (const auto& [target, link] : kLinks) {
    [[maybe_unused]] const int linked = ::symlink(target, link);
  }
  // Out of the root cgroup, so that its controllers can be handed to containers.
  static_cast<void>(base::make_directories("/sys/fs/cgroup/init"));
  FCVM_TRY(write_file("/sys/fs/cgroup/init/cgroup.procs", "0"));
  for (const char* controller : {"+cpu", "+memory", "+pids", "+io", "+cpuset"}) {
    // One by one: a kernel may lack some.
    static_cast<void>(write_file("/sys/fs/cgroup/cgroup.subtree_control", controller));
  }
  return {};
}

namespace {

Result<void> load_module(const std::string& path) {
  const auto file = FCVM_TRY(base::open_file(path, O_RDONLY));
  constexpr int kCompressed = 4;  // MODULE_INIT_COMPRESSED_FILE, younger than some headers
  const bool plain = path.ends_with(".ko");
  if (::syscall(SYS_finit_module, file.get(), "", plain ? 0 : kCompressed) != 0 &&
      errno != EEXIST) {
    return fail_errno("loading " + path);
  }
  return {};
}

}  // namespace

// One that fails is told and left out: the list serves several VMMs, and what is really missing
// shows where it is needed.
Result<void> load_modules() {
  const auto order = base::read_file("/modules/order");
  if (!order) return {};
  for (std::size_t at = 0; at < order->size();) {
    const auto end = std::min(order->find('\n', at), order->size());
    const std::string name = order->substr(at, end - at);
    at = end + 1;
    if (name.empty() || name[0] == '#') continue;
    const auto loaded = load_module("/modules/" + name);
    if (!loaded) log_line(loaded.error().message());
  }
  return {};
}

}  // namespace fcvm::agent
