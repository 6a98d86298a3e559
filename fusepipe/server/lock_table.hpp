// LockTable: POSIX locks of the guest's processes, as locks of the host that all other guests and
// the host's own processes see. Owns an open file for each (file, owner), since a lock of the host
// belongs to an open file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "fusepipe/server/directory.hpp"

namespace fcvm::fusepipe {

class LockTable {
 public:
  explicit LockTable(std::size_t limit) : limit_(limit) {}

  /// The open file of that owner; opened when there is none. Null with an errno in `error`.
  std::shared_ptr<const base::Fd> file_of(const Directory& directory, const Node& node,
                                          std::uint64_t owner, int& error);
  /// Null when the owner has never locked that file.
  [[nodiscard]] std::shared_ptr<const base::Fd> find(std::uint64_t node, std::uint64_t owner) const;
  /// All locks of the owner on that file go.
  void release(std::uint64_t node, std::uint64_t owner);

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const base::Fd>> files_;
  std::size_t limit_;
};

}  // namespace fcvm::fusepipe
