// Open files: reading, writing, and their end.
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fusepipe/server/caller.hpp"
#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe {

int open_flags(const Directory& directory, std::uint32_t wanted) {
  // O_DIRECT would need memory as the host's disk likes it, and our memory is the stream's.
  constexpr std::uint32_t kTaken = O_ACCMODE | O_APPEND | O_TRUNC | O_SYNC | O_DSYNC;
  int flags = static_cast<int>(wanted & kTaken);
  if (directory.options().cache == Cache::kAlways) {
    // The kernel reads the rest of a page of which it writes a part, and knows itself where the
    // end is that is written to.
    if ((flags & O_ACCMODE) == O_WRONLY) flags = (flags & ~O_ACCMODE) | O_RDWR;
    flags &= ~O_APPEND;
  }
  return flags;
}

int add_handle(Mount& mount, Reply& reply, Node node, base::Fd fd, int flags) {
  auto handle = std::make_shared<Handle>();
  handle->fd = std::move(fd);
  handle->node = std::move(node);
  handle->may_write = (flags & O_ACCMODE) != O_RDONLY;
  fuse_open_out out{};
  out.fh = mount.handles.add(std::move(handle));
  if (out.fh == 0) return ENFILE;
  if (mount.directory.options().cache == Cache::kNone) {
    out.open_flags = FOPEN_DIRECT_IO;
  } else if (mount.directory.options().cache == Cache::kAlways) {
    out.open_flags = FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR;
  }
  reply.add(out);
  return 0;
}

namespace operation {

namespace {

/// Whether a write to that file takes bits from its mode, if the writer has no right to leave them.
bool has_set_id(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0;
}

}  // namespace

int open(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_open_in>();
  if (!in) return EINVAL;
  const int flags = open_flags(mount.directory, in->flags);
  if (mount.directory.options().read_only && (flags & (O_ACCMODE | O_TRUNC)) != O_RDONLY) {
    return EROFS;
  }
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  int fd = -1;
  {
    const WithoutSetIdRight dropped((in->open_flags & FUSE_OPEN_KILL_SUIDGID) != 0);
    fd = mount.directory.open_file(node, flags);
  }
  if (fd < 0) return -fd;
  return add_handle(mount, reply, std::move(node), base::Fd(fd), flags);
}

int read(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_read_in>();
  if (!in || in->size > kMaxWrite) return EINVAL;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  const auto space = reply.space(in->size);
  std::size_t done = 0;
  while (done < space.size()) {
    const ssize_t got = ::pread(handle->fd.get(), space.data() + done, space.size() - done,
                                static_cast<off_t>(in->offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && done == 0) return errno;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  reply.used(done);
  return 0;
}

int write(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_write_in>();
  if (!in || in->size > request.arguments.rest().size()) return EINVAL;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  const int fd = handle->fd.get();
  const WithoutSetIdRight dropped((in->write_flags & FUSE_WRITE_KILL_SUIDGID) != 0 &&
                                  has_set_id(fd));
  const auto bytes = request.arguments.rest().first(in->size);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::pwrite(fd, bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(in->offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && done == 0) return errno;
    if (put <= 0) break;
    done += static_cast<std::size_t>(put);
  }
  fuse_write_out out{};
  out.size = static_cast<std::uint32_t>(done);
  reply.add(out);
  return 0;
}

int flush(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_flush_in>();
  if (!in) return EINVAL;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  // A process that closes any descriptor of a file loses its locks on it: POSIX has it so.
  mount.locks.release(request.header.nodeid, in->lock_owner);
  // A file system that fails late does so when a descriptor is closed.
  const int copy = ::fcntl(handle->fd.get(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return errno;
  return ::close(copy) == 0 || errno == EINTR ? 0 : errno;
}

int release(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_release_in>();
  if (!in) return EINVAL;
  if ((in->release_flags & FUSE_RELEASE_FLOCK_UNLOCK) != 0) {
    if (const auto handle = mount.handles.find(in->fh, request.header.nodeid)) {
      ::flock(handle->fd.get(), LOCK_UN);
    }
  }
  mount.handles.remove(in->fh, request.header.nodeid);
  return 0;
}

int fsync(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_fsync_in>();
  if (!in) return EINVAL;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  const bool data_alone = (in->fsync_flags & FUSE_FSYNC_FDATASYNC) != 0;
  const int fd = handle->fd.get();
  return (data_alone ? ::fdatasync(fd) : ::fsync(fd)) == 0 ? 0 : errno;
}

}  // namespace operation

}  // namespace fcvm::fusepipe
