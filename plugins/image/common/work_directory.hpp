// WorkDirectory: owns a directory of the cache in which something is being made. It is locked for
// as long as its process lives, so what a killed process left is told from what is in use.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "plugins/image/common/lock.hpp"

namespace fcvm::archive {

class WorkDirectory {
 public:
  static Result<WorkDirectory> create(const std::string& cache);
  /// Removes those whose process is gone.
  static Result<void> sweep(const std::string& cache);

  WorkDirectory(WorkDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  ~WorkDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  WorkDirectory(std::string path, Lock lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  Lock lock_;
};

}  // namespace fcvm::archive
