// See fuse_mount.hpp.
#include "fusepipe/relay/fuse_mount.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <utility>

#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

namespace {

Result<std::string> directory_path(const std::string& path) {
  char resolved[PATH_MAX];
  struct stat status {};
  if (::realpath(path.c_str(), resolved) == nullptr || ::stat(resolved, &status) != 0) {
    return fail_errno("mounting at " + path, "make the directory first: mkdir " + path);
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail(ENOTDIR, "mounting at " + path + ": it is not a directory");
  }
  return std::string(resolved);
}

}  // namespace

Result<base::Fd> open_fuse_device() {
  return base::open_file("/dev/fuse", O_RDWR) |
         remedy("load the kernel's module with: modprobe fuse");
}

Result<base::Fd> clone_fuse_device(int device) {
  base::Fd clone = FCVM_TRY(open_fuse_device());
  auto source = static_cast<std::uint32_t>(device);
  if (::ioctl(clone.get(), FUSE_DEV_IOC_CLONE, &source) != 0) {
    return fail_errno("making one more queue of a FUSE mount");
  }
  return clone;
}

Result<FuseMount> FuseMount::create(const std::string& mountpoint, const base::Fd& device,
                                    const Options& options) {
  const std::string path = FCVM_TRY(directory_path(mountpoint));
  unsigned long flags = 0;
  if (options.read_only) flags |= MS_RDONLY;
  if (!options.allows_devices) flags |= MS_NODEV;
  if (!options.allows_set_id) flags |= MS_NOSUID;
  const std::string data = "fd=" + std::to_string(device.get()) +
                           ",rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions";
  if (::mount("fusepipe", path.c_str(), "fuse.fusepipe", flags, data.c_str()) != 0) {
    const int code = errno;
    return fail(code, "mounting at " + path + ": " + std::strerror(code),
                code == EPERM ? "run it as root" : "");
  }
  return FuseMount(path);
}

FuseMount::FuseMount(FuseMount&& other) noexcept : path_(std::exchange(other.path_, {})) {}

void FuseMount::unmount() noexcept {
  if (path_.empty()) return;
  ::umount2(path_.c_str(), MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
  path_.clear();
}

}  // namespace fcvm::fusepipe
