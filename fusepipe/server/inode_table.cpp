// See inode_table.hpp.
#include "fusepipe/server/inode_table.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <utility>

#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

namespace {

/// A file whose parents all were closed is looked for from the nearest that was not.
constexpr int kMaxDepth = 256;

}  // namespace

FileId file_id(const struct statx& status) {
  FileId id{makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
  if ((status.stx_mask & STATX_BTIME) != 0) {
    id.born_seconds = status.stx_btime.tv_sec;
    id.born_nanoseconds = status.stx_btime.tv_nsec;
  }
  return id;
}

int stat_fd(int fd, struct statx& status) {
  const int done = ::statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
                           STATX_BASIC_STATS | STATX_BTIME, &status);
  return done == 0 ? 0 : errno;
}

InodeTable::InodeTable(base::Fd root, const struct statx& status, std::uint64_t first_id,
                       std::size_t limit)
    : next_id_(first_id), limit_(limit) {
  Inode& inode = inodes_[kRootNode];
  inode.file = file_id(status);
  inode.id = kRootNode;
  inode.type = status.stx_mode & S_IFMT;
  inode.lookups = 1;
  // Not among recent_: it is never closed.
  inode.fd = std::make_shared<const base::Fd>(std::move(root));
  by_file_[inode.file] = kRootNode;
}

int InodeTable::find(std::uint64_t id, Node& node) {
  const std::scoped_lock lock(mutex_);
  return find_locked(id, node, 0);
}

int InodeTable::find_locked(std::uint64_t id, Node& node, int depth) {
  const auto found = inodes_.find(id);
  if (found == inodes_.end() || depth > kMaxDepth) return ESTALE;
  Inode& inode = found->second;
  if (!inode.fd) {
    if (const int error = reopen(inode, depth)) return error;
  } else if (id != kRootNode) {
    touch(inode);
  }
  node = node_of(inode);
  return 0;
}

int InodeTable::reopen(Inode& inode, int depth) {
  if (auto held = inode.given_up.lock()) {
    keep_open(inode, std::move(held));
    return 0;
  }
  Node parent;
  if (const int error = find_locked(inode.parent, parent, depth + 1)) return error;
  base::Fd fd(::openat(parent.get(), inode.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return errno == ENOENT || errno == ENOTDIR ? ESTALE : errno;
  struct statx status {};
  if (const int error = stat_fd(fd.get(), status)) return error;
  if (!(file_id(status) == inode.file)) return ESTALE;
  keep_open(inode, std::make_shared<const base::Fd>(std::move(fd)));
  return 0;
}

Node InodeTable::remember(base::Fd fd, const struct statx& status, std::uint64_t parent,
                          const std::string& name) {
  const FileId file = file_id(status);
  const std::scoped_lock lock(mutex_);
  if (inodes_.size() >= kMostInodes && !by_file_.contains(file)) return {};
  const mode_t type = status.stx_mode & S_IFMT;
  auto [entry, is_new] = by_file_.try_emplace(file, next_id_);
  if (!is_new && inodes_[entry->second].type != type) {
    // A file system that knows no time of birth has given the number to another file.
    entry->second = next_id_;
    is_new = true;
  }
  Inode& inode = inodes_[entry->second];
  if (is_new) {
    inode.id = next_id_++;
    inode.file = file;
    inode.type = type;
  }
  ++inode.lookups;
  if (inode.id == kRootNode) return node_of(inode);
  inode.parent = parent;
  inode.name = name;
  if (inode.fd) {
    touch(inode);
  } else {
    keep_open(inode, std::make_shared<const base::Fd>(std::move(fd)));
  }
  return node_of(inode);
}

void InodeTable::forget(std::uint64_t id, std::uint64_t lookups) {
  const std::scoped_lock lock(mutex_);
  const auto found = inodes_.find(id);
  if (found == inodes_.end() || id == kRootNode) return;
  Inode& inode = found->second;
  if (lookups < inode.lookups) {
    inode.lookups -= lookups;
    return;
  }
  if (inode.fd) recent_.erase(inode.place);
  const auto file = by_file_.find(inode.file);
  if (file != by_file_.end() && file->second == id) by_file_.erase(file);
  inodes_.erase(found);
}

void InodeTable::moved(const FileId& file, std::uint64_t parent, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_file_.find(file);
  if (found == by_file_.end() || found->second == kRootNode) return;
  Inode& inode = inodes_[found->second];
  inode.parent = parent;
  inode.name = name;
}

void InodeTable::keep_open(Inode& inode, std::shared_ptr<const base::Fd> fd) {
  inode.fd = std::move(fd);
  recent_.push_front(inode.id);
  inode.place = recent_.begin();
  while (recent_.size() > limit_) close_oldest();
}

void InodeTable::close_oldest() {
  Inode& inode = inodes_[recent_.back()];
  inode.given_up = std::exchange(inode.fd, nullptr);
  recent_.pop_back();
}

void InodeTable::touch(Inode& inode) { recent_.splice(recent_.begin(), recent_, inode.place); }

}  // namespace fcvm::fusepipe
