// Directory: the directory of the host that is served, as all mounts share it. Owns the way to open
// what an O_PATH descriptor stands for.
#pragma once

#include <string>
#include <sys/stat.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "fusepipe/server/inode_table.hpp"
#include "fusepipe/server/options.hpp"

namespace fcvm::fusepipe {

class Directory {
 public:
  /// ENOTDIR when it is none.
  static Result<Directory> open(ServeOptions options);

  [[nodiscard]] const ServeOptions& options() const noexcept { return options_; }
  [[nodiscard]] const struct statx& status() const noexcept { return status_; }
  [[nodiscard]] Result<base::Fd> root() const { return root_.duplicate(); }
  [[nodiscard]] int root_fd() const noexcept { return root_.get(); }
  /// Whether this process may make files of anyone's: then it makes them of the caller's.
  [[nodiscard]] bool is_root() const noexcept { return is_root_; }

  /// Opens a regular file, and nothing else: a FIFO would wait, and a device is no file of the
  /// directory's. -errno on failure.
  [[nodiscard]] int open_file(const Node& node, int flags) const;
  /// A path that leads to the very file, for calls that take no O_PATH descriptor.
  [[nodiscard]] static std::string path_of(const Node& node);

 private:
  ServeOptions options_;
  base::Fd root_;
  base::Fd descriptors_;  // /proc/self/fd
  struct statx status_ {};
  bool is_root_ = false;
};

}  // namespace fcvm::fusepipe
