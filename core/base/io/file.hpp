// Whole files and directory trees; FileLock owns a lock on a file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"

namespace fcvm::base {

/// Fails with EFBIG when the file is larger than `size_limit`.
Result<std::string> read_file(const std::string& path, std::size_t size_limit = 16 << 20);

/// For reading; EINVAL when it is not a regular file. Never waits, as opening a FIFO would.
Result<Fd> open_regular_file(const std::string& path);

/// Replaces the file at once and durably: readers see the old bytes or the new ones, also after a
/// power cut. On failure the old file is as it was and nothing is left beside it. `mode` is exact,
/// whatever the umask. A symlink at `path` is replaced, not followed.
Result<void> write_file_atomic(const std::string& path, std::string_view bytes, mode_t mode = 0644);

/// mkdir -p: directories that exist already keep their mode.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);

/// rm -rf, which never follows a symlink and never enters another mount (EXDEV: a forgotten bind
/// mount must not cost the user what is mounted). Succeeds when there is nothing there.
Result<void> remove_tree(const std::string& path);
/// `name` is one entry of `directory`.
Result<void> remove_tree_at(int directory, const std::string& name);

/// Holds flock(2) on a file until destroyed. The file is made when missing and never removed:
/// removing a lock file lets two processes lock two files of one name.
class FileLock {
 public:
  enum class Mode { kExclusive, kShared };

  /// Fails with ETIMEDOUT when another process holds it until the deadline.
  static Result<FileLock> acquire(const std::string& path, Deadline deadline,
                                  Mode mode = Mode::kExclusive);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace fcvm::base
