// Locks of files: POSIX locks of a range, and flock().
//
// Each is taken on the host as well, so that all guests and the host's processes respect it. A
// SETLKW waits in the thread that runs it; who calls setlkw() has a thread for that, and a signal
// ends the wait with EINTR.
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>

#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe::operation {

namespace {

/// False when the guest's numbers make no range.
bool to_flock(const fuse_file_lock& from, struct flock& to) {
  if (from.start > INT64_MAX || from.end < from.start) return false;
  if (from.type != F_RDLCK && from.type != F_WRLCK && from.type != F_UNLCK) return false;
  to.l_type = static_cast<short>(from.type);
  to.l_whence = SEEK_SET;
  to.l_start = static_cast<off_t>(from.start);
  // The largest offset means "to the end, wherever it will be".
  to.l_len = from.end >= INT64_MAX ? 0 : static_cast<off_t>(from.end - from.start + 1);
  return true;
}

int lock_whole_file(Mount& mount, const Request& request, const fuse_lk_in& in, bool waits) {
  const auto handle = mount.handles.find(in.fh, request.header.nodeid);
  if (!handle) return ESTALE;
  int operation = 0;
  switch (in.lk.type) {
    case F_RDLCK:
      operation = LOCK_SH;
      break;
    case F_WRLCK:
      operation = LOCK_EX;
      break;
    case F_UNLCK:
      operation = LOCK_UN;
      break;
    default:
      return EINVAL;
  }
  if (!waits) operation |= LOCK_NB;
  return ::flock(handle->fd.get(), operation) == 0 ? 0 : errno;
}

int lock_range(Mount& mount, const Request& request, const fuse_lk_in& in, bool waits) {
  struct flock range {};
  if (!to_flock(in.lk, range)) return EINVAL;
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  const auto known = mount.locks.find(node.id, in.owner);
  if (!known && range.l_type == F_UNLCK) return 0;
  int error = 0;
  const auto file = known ? known : mount.locks.file_of(mount.directory, node, in.owner, error);
  if (!file) return error;
  return ::fcntl(file->get(), waits ? F_OFD_SETLKW : F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

int lock(Mount& mount, Request& request, bool waits) {
  const auto in = request.arguments.take<fuse_lk_in>();
  if (!in) return EINVAL;
  return (in->lk_flags & FUSE_LK_FLOCK) != 0 ? lock_whole_file(mount, request, *in, waits)
                                             : lock_range(mount, request, *in, waits);
}

}  // namespace

int getlk(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_lk_in>();
  struct flock range {};
  if (!in || !to_flock(in->lk, range) || range.l_type == F_UNLCK) return EINVAL;
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  int error = 0;
  const auto file = mount.locks.file_of(mount.directory, node, in->owner, error);
  if (!file) return error;
  if (::fcntl(file->get(), F_OFD_GETLK, &range) != 0) return errno;
  fuse_lk_out out{};
  out.lk.type = static_cast<std::uint32_t>(range.l_type);
  if (range.l_type != F_UNLCK) {
    out.lk.start = static_cast<std::uint64_t>(range.l_start);
    out.lk.end = range.l_len == 0 ? std::uint64_t{INT64_MAX}
                                  : static_cast<std::uint64_t>(range.l_start + range.l_len - 1);
    // The holder is a process of the host or of another guest, which has no number here.
  }
  reply.add(out);
  return 0;
}

int setlk(Mount& mount, Request& request, Reply& /*reply*/) { return lock(mount, request, false); }

int setlkw(Mount& mount, Request& request, Reply& /*reply*/) { return lock(mount, request, true); }

}  // namespace fcvm::fusepipe::operation
