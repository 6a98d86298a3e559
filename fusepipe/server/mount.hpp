// Mount: what the server knows of one mount of its directory, however many streams feed it.
#pragma once

#include <cstdint>

#include "fusepipe/server/directory.hpp"
#include "fusepipe/server/handle_table.hpp"
#include "fusepipe/server/inode_table.hpp"
#include "fusepipe/server/lock_table.hpp"
#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

/// How many descriptors a mount may have open for what.
struct DescriptorLimits {
  std::size_t inodes = 0;
  std::size_t handles = 0;
  std::size_t locks = 0;

  /// Shares of what this process may have, after it has raised that as far as it can.
  static DescriptorLimits of_process();
};

struct Mount {
  /// `first_node`: the number from which its nodes count.
  static Result<std::unique_ptr<Mount>> create(const Directory& directory, std::uint64_t first_node,
                                               const DescriptorLimits& limits);

  Mount(const Directory& served, base::Fd root, std::uint64_t first_node,
        const DescriptorLimits& limits);

  const Directory& directory;
  InodeTable inodes;
  HandleTable handles;
  LockTable locks;

  /// What the kernel may take for true, and for how many seconds.
  [[nodiscard]] std::uint64_t validity() const;
  [[nodiscard]] fuse_attr attributes(const struct statx& status) const;
  /// Looks at the file anew; -errno. For the answers of getattr and setattr.
  [[nodiscard]] int attributes_of(int fd, fuse_attr_out& out) const;
  /// Finds a name and tells the kernel's count of it: an errno, or 0.
  int look_up(const Node& parent, const std::string& name, fuse_entry_out& entry);
  /// The same for a file that is open already, by an O_PATH descriptor.
  int tell(base::Fd file, const Node& parent, const std::string& name, fuse_entry_out& entry);
};

}  // namespace fcvm::fusepipe
