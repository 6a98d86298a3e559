// Names: finding, removing, moving, linking them; what a symlink says.
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe::operation {

namespace {

/// An answer that says: there is no such name, and you may believe it for a while.
constexpr std::uint64_t kNoNode = 0;

int remove(Mount& mount, Request& request, int flags) {
  const auto name = request.arguments.name();
  if (!name) return EINVAL;
  Node parent;
  if (const int error = mount.inodes.find(request.header.nodeid, parent)) return error;
  return ::unlinkat(parent.get(), name->c_str(), flags) == 0 ? 0 : errno;
}

/// Under the new name, a file that was given up for want of descriptors is found again.
void note_moved(Mount& mount, const Node& directory, const std::string& name) {
  struct statx status {};
  if (::statx(directory.get(), name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME,
              &status) == 0) {
    mount.inodes.moved(file_id(status), directory.id, name);
  }
}

int move(Mount& mount, Request& request, std::uint64_t new_directory, unsigned flags) {
  const auto name = request.arguments.name();
  const auto new_name = name ? request.arguments.name() : std::nullopt;
  if (!new_name) return EINVAL;
  Node from;
  Node to;
  if (const int error = mount.inodes.find(request.header.nodeid, from)) return error;
  if (const int error = mount.inodes.find(new_directory, to)) return error;
  if (::renameat2(from.get(), name->c_str(), to.get(), new_name->c_str(), flags) != 0) {
    return errno;
  }
  note_moved(mount, to, *new_name);
  if ((flags & RENAME_EXCHANGE) != 0) note_moved(mount, from, *name);
  return 0;
}

}  // namespace

int lookup(Mount& mount, Request& request, Reply& reply) {
  const auto name = request.arguments.name();
  if (!name) return EINVAL;
  Node parent;
  if (const int error = mount.inodes.find(request.header.nodeid, parent)) return error;
  fuse_entry_out entry{};
  const int error = mount.look_up(parent, *name, entry);
  if (error == ENOENT && mount.directory.options().cache == Cache::kAlways) {
    entry.nodeid = kNoNode;
    entry.entry_valid = mount.validity();
  } else if (error != 0) {
    return error;
  }
  reply.add(entry);
  return 0;
}

int forget(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_forget_in>();
  if (in) mount.inodes.forget(request.header.nodeid, in->nlookup);
  return 0;
}

int batch_forget(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_batch_forget_in>();
  for (std::uint32_t i = 0; in && i < in->count; ++i) {
    const auto one = request.arguments.take<fuse_forget_one>();
    if (!one) break;
    mount.inodes.forget(one->nodeid, one->nlookup);
  }
  return 0;
}

int unlink(Mount& mount, Request& request, Reply& /*reply*/) { return remove(mount, request, 0); }

int rmdir(Mount& mount, Request& request, Reply& /*reply*/) {
  return remove(mount, request, AT_REMOVEDIR);
}

int rename(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_rename_in>();
  if (!in) return EINVAL;
  return move(mount, request, in->newdir, 0);
}

int rename2(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_rename2_in>();
  if (!in || (in->flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0) {
    return EINVAL;
  }
  return move(mount, request, in->newdir, in->flags);
}

int link(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_link_in>();
  const auto name = in ? request.arguments.name() : std::nullopt;
  if (!name) return EINVAL;
  Node parent;
  Node file;
  if (const int error = mount.inodes.find(request.header.nodeid, parent)) return error;
  if (const int error = mount.inodes.find(in->oldnodeid, file)) return error;
  if (::linkat(AT_FDCWD, Directory::path_of(file).c_str(), parent.get(), name->c_str(),
               AT_SYMLINK_FOLLOW) != 0) {
    return errno;
  }
  fuse_entry_out entry{};
  if (const int error = mount.look_up(parent, *name, entry)) return error;
  reply.add(entry);
  return 0;
}

int readlink(Mount& mount, Request& request, Reply& reply) {
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  // On a descriptor that is no symlink, the kernel reads the empty name as ENOENT.
  if (!S_ISLNK(node.type)) return EINVAL;
  const auto space = reply.space(kPage);
  const ssize_t size =
      ::readlinkat(node.get(), "", reinterpret_cast<char*>(space.data()), space.size());
  if (size < 0) return errno;
  reply.used(static_cast<std::size_t>(size));
  return 0;
}

}  // namespace fcvm::fusepipe::operation
