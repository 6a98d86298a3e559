// FileWatch: owns an inotify descriptor that wakes when a file grows, appears or is replaced.
#pragma once

#include <filesystem>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"

namespace fcvm::vm {

class FileWatch {
 public:
  /// Watches the file's directory, so that the file need not be there yet and may be replaced.
  /// Where the kernel has no watch left to give, wait() becomes a short sleep.
  explicit FileWatch(const std::filesystem::path& file);

  /// Returns when something happened, perhaps to another file, or at the deadline. What happened
  /// between the last look at the file and this call wakes it, too.
  void wait(base::Deadline deadline);

 private:
  base::Fd inotify_;
};

}  // namespace fcvm::vm
