// Open directories: what is in them, by name alone or with each file's attributes.
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe::operation {

namespace {

constexpr std::size_t kReadAtOnce = 32 << 10;

/// One entry as the host's kernel has it.
struct Entry {
  std::uint64_t inode;
  std::int64_t next;
  std::uint8_t type;
  std::string_view name;
  std::size_t size;  // in the host's form
};

/// The entry at the front of what was read, reading on when nothing is left. 0, with an empty name
/// at the end of the directory, or an errno.
int front_entry(Handle& handle, Entry& entry) {
  if (handle.next == handle.entries.size()) {
    handle.entries.resize(kReadAtOnce);
    const long got = ::syscall(SYS_getdents64, handle.fd.get(), handle.entries.data(), kReadAtOnce);
    const int error = got < 0 ? errno : 0;
    handle.entries.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    handle.next = 0;
    if (error != 0) return error;
  }
  if (handle.entries.empty()) {
    entry = {};
    return 0;
  }
  const std::byte* at = handle.entries.data() + handle.next;
  const auto* raw = reinterpret_cast<const dirent64*>(at);
  entry = {raw->d_ino, raw->d_off, raw->d_type, raw->d_name, raw->d_reclen};
  return 0;
}

/// Goes on where the kernel wants to: most often that is where the last answer ended.
int seek(Handle& handle, std::int64_t position) {
  if (handle.position == position) return 0;
  if (::lseek(handle.fd.get(), position, SEEK_SET) < 0) return errno;
  handle.entries.clear();
  handle.next = 0;
  handle.position = position;
  return 0;
}

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

void add_padded(Reply& reply, std::string_view name, std::size_t header) {
  constexpr std::byte kZeros[8] = {};
  reply.add(name);
  const std::size_t size = header + name.size();
  reply.add(std::span(kZeros).first(FUSE_REC_ALIGN(size) - size));
}

void add_dirent(Reply& reply, const Entry& entry) {
  fuse_dirent header{};
  header.ino = entry.inode;
  header.off = static_cast<std::uint64_t>(entry.next);
  header.namelen = static_cast<std::uint32_t>(entry.name.size());
  header.type = entry.type;
  reply.add(std::as_bytes(std::span(&header, 1)).first(FUSE_NAME_OFFSET));
  add_padded(reply, entry.name, FUSE_NAME_OFFSET);
}

/// Without a node, the kernel takes the name alone: for a file that has just gone, too.
void add_entry_out(Mount& mount, Reply& reply, const Node& directory, const Entry& entry) {
  fuse_entry_out out{};
  if (!is_dots(entry.name)) mount.look_up(directory, std::string(entry.name), out);
  reply.add(out);
}

int read_entries(Mount& mount, Request& request, Reply& reply, bool with_attributes) {
  const auto in = request.arguments.take<fuse_read_in>();
  if (!in || in->size > kMaxWrite) return EINVAL;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  if (!S_ISDIR(handle->node.type)) return ENOTDIR;
  const std::scoped_lock lock(handle->directory);
  if (const int error = seek(*handle, static_cast<std::int64_t>(in->offset))) return error;
  const std::size_t head =
      with_attributes ? FUSE_NAME_OFFSET_DIRENTPLUS : std::size_t{FUSE_NAME_OFFSET};
  std::size_t left = in->size;
  for (bool first = true;; first = false) {
    Entry entry{};
    const int error = front_entry(*handle, entry);
    if (error != 0) return first ? error : 0;
    const std::size_t size = FUSE_REC_ALIGN(head + entry.name.size());
    if (entry.name.empty() || size > left) return 0;
    if (with_attributes) add_entry_out(mount, reply, handle->node, entry);
    add_dirent(reply, entry);
    left -= size;
    handle->next += entry.size;
    handle->position = entry.next;
  }
}

}  // namespace

int opendir(Mount& mount, Request& request, Reply& reply) {
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  base::Fd fd(::openat(node.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno;
  return add_handle(mount, reply, std::move(node), std::move(fd), O_RDONLY);
}

int readdir(Mount& mount, Request& request, Reply& reply) {
  return read_entries(mount, request, reply, false);
}

int readdirplus(Mount& mount, Request& request, Reply& reply) {
  return read_entries(mount, request, reply, true);
}

int releasedir(Mount& mount, Request& request, Reply& reply) {
  return release(mount, request, reply);
}

int fsyncdir(Mount& mount, Request& request, Reply& reply) { return fsync(mount, request, reply); }

}  // namespace fcvm::fusepipe::operation
