// InodeTable: which file of the host a node id of the kernel's means.
//
// Owns an O_PATH descriptor for each of the files that were used lately. Beyond the limit the
// others are closed, and opened again by the name under which they were found, if the file there is
// still the same. A node id is never given twice, and none of another server's means anything here.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <unordered_map>

#include "core/base/io/fd.hpp"

namespace fcvm::fusepipe {

/// What makes a file of the host that file: a number can be given anew, the time of birth tells.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_seconds = 0;
  std::uint32_t born_nanoseconds = 0;

  friend bool operator==(const FileId&, const FileId&) = default;
};
struct FileIdHash {
  std::size_t operator()(const FileId& id) const noexcept {
    return std::hash<std::uint64_t>()(id.inode * 31 + id.device);
  }
};

[[nodiscard]] FileId file_id(const struct statx& status);
/// All that is asked of a file anywhere here; -errno.
[[nodiscard]] int stat_fd(int fd, struct statx& status);

/// A file in use by an operation: its descriptor stays open for as long.
struct Node {
  std::shared_ptr<const base::Fd> fd;
  std::uint64_t id = 0;
  mode_t type = 0;  // S_IFREG and so on, which never changes

  [[nodiscard]] int get() const noexcept { return fd->get(); }
  [[nodiscard]] bool is_regular() const noexcept { return S_ISREG(type); }
};

class InodeTable {
 public:
  static constexpr std::size_t kMostInodes = 1 << 20;

  /// `root` is the directory itself; at most `limit` descriptors are held.
  InodeTable(base::Fd root, const struct statx& status, std::uint64_t first_id, std::size_t limit);

  /// 0, or ESTALE when the kernel has no such node, or its file is out of reach by now, or an errno
  /// of opening it again.
  [[nodiscard]] int find(std::uint64_t id, Node& node);

  /// The kernel is told of the file once more: one lookup, which forget() takes back. A node
  /// without a file when the kernel was told of as many as are kept: a hostile one forgets none.
  Node remember(base::Fd fd, const struct statx& status, std::uint64_t parent,
                const std::string& name);
  /// Never more than were counted, and never the root.
  void forget(std::uint64_t id, std::uint64_t lookups);

  /// The name under which to find a file again has changed.
  void moved(const FileId& file, std::uint64_t parent, const std::string& name);

 private:
  struct Inode {
    FileId file;
    std::uint64_t id = 0;
    mode_t type = 0;
    std::uint64_t lookups = 0;
    std::shared_ptr<const base::Fd> fd;        // null: given up for want of descriptors
    std::weak_ptr<const base::Fd> given_up;    // but a handle of the file may still have it
    std::list<std::uint64_t>::iterator place;  // in recent_, while fd is there
    std::uint64_t parent = 0;
    std::string name;
  };

  int find_locked(std::uint64_t id, Node& node, int depth);
  int reopen(Inode& inode, int depth);
  void keep_open(Inode& inode, std::shared_ptr<const base::Fd> fd);
  void close_oldest();
  void touch(Inode& inode);
  static Node node_of(const Inode& inode) { return {inode.fd, inode.id, inode.type}; }

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Inode> inodes_;
  std::unordered_map<FileId, std::uint64_t, FileIdHash> by_file_;
  std::list<std::uint64_t> recent_;  // ids whose fd is open, the latest first
  std::uint64_t next_id_;
  std::size_t limit_;
};

}  // namespace fcvm::fusepipe
