// HandleTable: the open files and directories of one mount. Owns their descriptors.
//
// A handle is a number to the kernel. It means something only together with the node that it was
// opened for, so a forged one reaches nothing that its node does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/base/io/fd.hpp"
#include "fusepipe/server/inode_table.hpp"

namespace fcvm::fusepipe {

struct Handle {
  base::Fd fd;
  Node node;  // open as long as this is: a file without a name stays within reach
  bool may_write = false;

  // Of a directory: what was read of it and not told yet.
  std::mutex directory;
  std::vector<std::byte> entries;
  std::size_t next = 0;
  std::int64_t position = 0;
};

class HandleTable {
 public:
  explicit HandleTable(std::size_t limit) : limit_(limit) {}

  /// 0 when there are too many: ENFILE.
  std::uint64_t add(std::shared_ptr<Handle> handle);
  /// Null when there is none for that node.
  [[nodiscard]] std::shared_ptr<Handle> find(std::uint64_t number, std::uint64_t node) const;
  void remove(std::uint64_t number, std::uint64_t node);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Handle>> handles_;
  std::uint64_t next_ = 1;
  std::size_t limit_;
};

}  // namespace fcvm::fusepipe
