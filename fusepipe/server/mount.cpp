// See mount.hpp.
#include "fusepipe/server/mount.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

namespace fcvm::fusepipe {

namespace {

constexpr std::uint64_t kForADay = 86400;

}  // namespace

DescriptorLimits DescriptorLimits::of_process() {
  constexpr rlim_t kEnough = 1 << 20;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(limit.rlim_max, kEnough);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t all = std::min(limit.rlim_cur, kEnough);
  // A handle has two. An eighth is left for streams and for what an operation opens for itself.
  return {all / 2, all / 8, all / 8};
}

Result<std::unique_ptr<Mount>> Mount::create(const Directory& directory, std::uint64_t first_node,
                                             const DescriptorLimits& limits) {
  base::Fd root = FCVM_TRY(directory.root());
  return std::make_unique<Mount>(directory, std::move(root), first_node, limits);
}

Mount::Mount(const Directory& served, base::Fd root, std::uint64_t first_node,
             const DescriptorLimits& limits)
    : directory(served),
      inodes(std::move(root), served.status(), first_node, limits.inodes),
      handles(limits.handles),
      locks(limits.locks) {}

std::uint64_t Mount::validity() const {
  switch (directory.options().cache) {
    case Cache::kNone:
      return 0;
    case Cache::kAuto:
      return 1;
    case Cache::kAlways:
      return kForADay;
  }
  return 0;
}

fuse_attr Mount::attributes(const struct statx& status) const {
  fuse_attr attributes{};
  attributes.ino = status.stx_ino;
  attributes.size = status.stx_size;
  attributes.blocks = status.stx_blocks;
  attributes.atime = static_cast<std::uint64_t>(status.stx_atime.tv_sec);
  attributes.mtime = static_cast<std::uint64_t>(status.stx_mtime.tv_sec);
  attributes.ctime = static_cast<std::uint64_t>(status.stx_ctime.tv_sec);
  attributes.atimensec = status.stx_atime.tv_nsec;
  attributes.mtimensec = status.stx_mtime.tv_nsec;
  attributes.ctimensec = status.stx_ctime.tv_nsec;
  attributes.mode = status.stx_mode;
  attributes.nlink = status.stx_nlink;
  attributes.uid = directory.options().users.to_guest(status.stx_uid);
  attributes.gid = directory.options().groups.to_guest(status.stx_gid);
  // The kernel's own form of a device number, in 32 bits.
  attributes.rdev = (status.stx_rdev_minor & 0xff) | (status.stx_rdev_major & 0xfff) << 8 |
                    (status.stx_rdev_minor & 0xfff00) << 12;
  attributes.blksize = status.stx_blksize;
  return attributes;
}

int Mount::attributes_of(int fd, fuse_attr_out& out) const {
  struct statx status {};
  if (const int error = stat_fd(fd, status)) return error;
  out.attr_valid = validity();
  out.attr = attributes(status);
  return 0;
}

int Mount::look_up(const Node& parent, const std::string& name, fuse_entry_out& entry) {
  base::Fd fd(::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  return fd ? tell(std::move(fd), parent, name, entry) : errno;
}

int Mount::tell(base::Fd file, const Node& parent, const std::string& name, fuse_entry_out& entry) {
  struct statx status {};
  if (const int error = stat_fd(file.get(), status)) return error;
  const Node node = inodes.remember(std::move(file), status, parent.id, name);
  if (!node.fd) return ENOMEM;
  entry.nodeid = node.id;
  entry.entry_valid = entry.attr_valid = validity();
  entry.attr = attributes(status);
  return 0;
}

}  // namespace fcvm::fusepipe
