// Attributes of files, and of the file system.
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fusepipe/server/caller.hpp"
#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe::operation {

namespace {

/// The node of a request, within reach by its handle too: the file may have no name any more.
struct Target {
  Node node;
  std::shared_ptr<Handle> handle;
};

int find_target(Mount& mount, const Request& request, std::optional<std::uint64_t> number,
                Target& target) {
  if (number) target.handle = mount.handles.find(*number, request.header.nodeid);
  if (target.handle) {
    target.node = target.handle->node;
    return 0;
  }
  return mount.inodes.find(request.header.nodeid, target.node);
}

int change_mode(const Target& target, mode_t mode) {
  if (S_ISLNK(target.node.type)) return EOPNOTSUPP;
  return ::chmod(Directory::path_of(target.node).c_str(), mode & 07777) == 0 ? 0 : errno;
}

int change_owner(const Mount& mount, const Target& target, const fuse_setattr_in& in) {
  constexpr std::uint32_t kUnchanged = UINT32_MAX;
  std::optional<std::uint32_t> user = kUnchanged;
  std::optional<std::uint32_t> group = kUnchanged;
  if ((in.valid & FATTR_UID) != 0) user = mount.directory.options().users.to_host(in.uid);
  if ((in.valid & FATTR_GID) != 0) group = mount.directory.options().groups.to_host(in.gid);
  if (!user || !group) return EPERM;
  return ::fchownat(target.node.get(), "", *user, *group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0
             ? 0
             : errno;
}

int change_size(const Mount& mount, const Target& target, const fuse_setattr_in& in) {
  const WithoutSetIdRight dropped((in.valid & FATTR_KILL_SUIDGID) != 0);
  const auto size = static_cast<off_t>(in.size);
  if (target.handle && target.handle->may_write) {
    return ::ftruncate(target.handle->fd.get(), size) == 0 ? 0 : errno;
  }
  const int fd = mount.directory.open_file(target.node, O_WRONLY);
  if (fd < 0) return -fd;
  const base::Fd file(fd);
  return ::ftruncate(file.get(), size) == 0 ? 0 : errno;
}

timespec time_of(const fuse_setattr_in& in, std::uint32_t set, std::uint32_t now,
                 std::uint64_t seconds, std::uint32_t nanoseconds) {
  if ((in.valid & now) != 0) return {0, UTIME_NOW};
  if ((in.valid & set) == 0) return {0, UTIME_OMIT};
  return {static_cast<time_t>(seconds), static_cast<long>(nanoseconds)};
}

int change_times(const Target& target, const fuse_setattr_in& in) {
  const std::array<timespec, 2> times = {
      time_of(in, FATTR_ATIME, FATTR_ATIME_NOW, in.atime, in.atimensec),
      time_of(in, FATTR_MTIME, FATTR_MTIME_NOW, in.mtime, in.mtimensec)};
  return ::utimensat(target.node.get(), "", times.data(), AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0
             ? 0
             : errno;
}

int change(const Mount& mount, const Target& target, const fuse_setattr_in& in) {
  if ((in.valid & (FATTR_UID | FATTR_GID)) != 0) {
    if (const int error = change_owner(mount, target, in)) return error;
  }
  // After the owner, whose change takes set-user-id bits away.
  if ((in.valid & FATTR_MODE) != 0) {
    if (const int error = change_mode(target, in.mode)) return error;
  }
  if ((in.valid & FATTR_SIZE) != 0) {
    if (const int error = change_size(mount, target, in)) return error;
  }
  if ((in.valid & (FATTR_ATIME | FATTR_ATIME_NOW | FATTR_MTIME | FATTR_MTIME_NOW)) != 0) {
    if (const int error = change_times(target, in)) return error;
  }
  return 0;
}

int answer(const Mount& mount, const Target& target, Reply& reply) {
  fuse_attr_out out{};
  if (const int error = mount.attributes_of(target.node.get(), out)) return error;
  reply.add(out);
  return 0;
}

}  // namespace

int getattr(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_getattr_in>();
  if (!in) return EINVAL;
  const bool has_handle = (in->getattr_flags & FUSE_GETATTR_FH) != 0;
  Target target;
  if (const int error =
          find_target(mount, request, has_handle ? std::optional(in->fh) : std::nullopt, target)) {
    return error;
  }
  return answer(mount, target, reply);
}

int setattr(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_setattr_in>();
  if (!in) return EINVAL;
  const bool has_handle = (in->valid & FATTR_FH) != 0;
  Target target;
  if (const int error =
          find_target(mount, request, has_handle ? std::optional(in->fh) : std::nullopt, target)) {
    return error;
  }
  if (const int error = change(mount, target, *in)) return error;
  return answer(mount, target, reply);
}

int statfs(Mount& mount, Request& request, Reply& reply) {
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  struct statfs status {};
  if (::fstatfs(node.get(), &status) != 0) return errno;
  fuse_statfs_out out{};
  out.st.blocks = status.f_blocks;
  out.st.bfree = status.f_bfree;
  out.st.bavail = status.f_bavail;
  out.st.files = status.f_files;
  out.st.ffree = status.f_ffree;
  out.st.bsize = static_cast<std::uint32_t>(status.f_bsize);
  out.st.namelen = static_cast<std::uint32_t>(status.f_namelen);
  out.st.frsize = static_cast<std::uint32_t>(status.f_frsize);
  reply.add(out);
  return 0;
}

}  // namespace fcvm::fusepipe::operation
