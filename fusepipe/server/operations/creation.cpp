// Making files of every kind, for the user who asks.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fusepipe/server/caller.hpp"
#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe {

namespace {

/// Where a directory has a default ACL, that says what a new file allows, and the umask does not:
/// so the kernel leaves the umask to us. Ours is 0.
mode_t masked(const Node& parent, mode_t mode, mode_t umask) {
  const bool has_default_acl =
      ::getxattr(Directory::path_of(parent).c_str(), "system.posix_acl_default", nullptr, 0) > 0;
  return has_default_acl ? mode : mode & ~(umask & 0777);
}

int answer_entry(Mount& mount, const Node& parent, const std::string& name, Reply& reply) {
  fuse_entry_out entry{};
  if (const int error = mount.look_up(parent, name, entry)) return error;
  reply.add(entry);
  return 0;
}

/// Makes one entry by `make(parent, name)`, as the caller.
template <typename Make>
int make_entry(Mount& mount, const Request& request, const std::string& name, Reply& reply,
               Make make) {
  Node parent;
  if (const int error = mount.inodes.find(request.header.nodeid, parent)) return error;
  {
    const AsCaller caller(mount.directory, request);
    if (caller.error() != 0) return caller.error();
    if (make(parent) != 0) return errno;
  }
  return answer_entry(mount, parent, name, reply);
}

dev_t device_number(std::uint32_t kernel_form) {
  return makedev((kernel_form & 0xfff00) >> 8,
                 (kernel_form & 0xff) | ((kernel_form >> 12) & 0xfff00));
}

/// Tells the kernel of the file that `fd` has open, and adds the handle of it. `fd` is ours to
/// close.
int answer_open(Mount& mount, const Node& parent, const std::string& name, base::Fd fd, int flags,
                Reply& reply) {
  base::Fd path(::open(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), O_PATH | O_CLOEXEC));
  if (!path) return errno;
  fuse_entry_out entry{};
  if (const int error = mount.tell(std::move(path), parent, name, entry)) return error;
  Node node;
  int error = mount.inodes.find(entry.nodeid, node);
  reply.add(entry);
  if (error == 0) error = add_handle(mount, reply, std::move(node), std::move(fd), flags);
  // The kernel never hears of a lookup whose request failed.
  if (error != 0) mount.inodes.forget(entry.nodeid, 1);
  return error;
}

/// What is there already, if it is a regular file: for CREATE without O_EXCL. -errno on failure.
int open_existing(Mount& mount, const Node& parent, const std::string& name, int flags) {
  auto path = std::make_shared<const base::Fd>(
      ::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!path->valid()) return -errno;
  struct statx status {};
  if (const int error = stat_fd(path->get(), status)) return -error;
  const Node there{std::move(path), 0, static_cast<mode_t>(status.stx_mode & S_IFMT)};
  return mount.directory.open_file(there, flags);
}

}  // namespace

namespace operation {

int mknod(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_mknod_in>();
  const auto name = in ? request.arguments.name() : std::nullopt;
  if (!name) return EINVAL;
  return make_entry(mount, request, *name, reply, [&](const Node& parent) {
    return ::mknodat(parent.get(), name->c_str(), masked(parent, in->mode, in->umask),
                     device_number(in->rdev));
  });
}

int mkdir(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_mkdir_in>();
  const auto name = in ? request.arguments.name() : std::nullopt;
  if (!name) return EINVAL;
  return make_entry(mount, request, *name, reply, [&](const Node& parent) {
    return ::mkdirat(parent.get(), name->c_str(), masked(parent, in->mode, in->umask));
  });
}

int symlink(Mount& mount, Request& request, Reply& reply) {
  const auto name = request.arguments.name();
  const auto target = name ? request.arguments.text() : std::nullopt;
  if (!target) return EINVAL;
  return make_entry(mount, request, *name, reply, [&](const Node& parent) {
    return ::symlinkat(target->c_str(), parent.get(), name->c_str());
  });
}

int create(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_create_in>();
  const auto name = in ? request.arguments.name() : std::nullopt;
  if (!name) return EINVAL;
  Node parent;
  if (const int error = mount.inodes.find(request.header.nodeid, parent)) return error;
  const int flags = open_flags(mount.directory, in->flags);
  base::Fd made;
  {
    const AsCaller caller(mount.directory, request);
    if (caller.error() != 0) return caller.error();
    // Always exclusive: what is there already may be no file at all.
    made = base::Fd(::openat(parent.get(), name->c_str(),
                             (flags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                             masked(parent, in->mode & 07777, in->umask)));
    if (!made && (errno != EEXIST || (in->flags & O_EXCL) != 0)) return errno;
  }
  if (!made) {
    const int there = open_existing(mount, parent, *name, flags);
    if (there < 0) return -there;
    made = base::Fd(there);
  }
  return answer_open(mount, parent, *name, std::move(made), flags, reply);
}

int tmpfile(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_create_in>();
  if (!in) return EINVAL;
  Node parent;
  if (const int error = mount.inodes.find(request.header.nodeid, parent)) return error;
  const int flags = open_flags(mount.directory, in->flags) & ~O_TRUNC;
  base::Fd fd;
  {
    const AsCaller caller(mount.directory, request);
    if (caller.error() != 0) return caller.error();
    fd = base::Fd(
        ::openat(parent.get(), ".",
                 (flags & ~O_ACCMODE) | (in->flags & O_EXCL) | O_RDWR | O_TMPFILE | O_CLOEXEC,
                 masked(parent, in->mode & 07777, in->umask)));
    if (!fd) return errno;
  }
  return answer_open(mount, parent, std::string(), std::move(fd), O_RDWR, reply);
}

}  // namespace operation

}  // namespace fcvm::fusepipe
